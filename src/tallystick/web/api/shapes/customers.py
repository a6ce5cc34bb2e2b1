"""Customers, as the API takes and shows them."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from tallystick.kernel import money
from tallystick.parties.customers import CustomerKind
from tallystick.web.api.shapes.organizations import NO_ADDRESS, Active, PostalAddress, TaxId
from tallystick.web.fields import (
    LANGUAGE,
    UNNAMED,
    Amount,
    Body,
    Id,
    Line,
    Looked,
    Moment,
    NextCursor,
    PageQuery,
    Part,
    Version,
    View,
    Word,
)

Kind = Annotated[CustomerKind, Field(description="Who they are.", examples=["student"])]
CustomerName = Annotated[
    Line,
    Field(
        min_length=1,
        max_length=255,
        description="The name on documents.",
        examples=["Maya Okonkwo"],
    ),
]
GivenName = Annotated[Line | None, Field(min_length=1, max_length=255, examples=["Maya"])]
FamilyName = Annotated[Line | None, Field(min_length=1, max_length=255, examples=["Okonkwo"])]
Email = Annotated[
    Line | None, Field(min_length=1, max_length=254, examples=["maya.okonkwo@example.com"])
]
Phone = Annotated[Line | None, Field(min_length=1, max_length=32, examples=["+34 600 000 000"])]
Language = Annotated[
    Word | None,
    Field(
        max_length=35,
        pattern=LANGUAGE,
        description="Language of documents and messages (BCP 47).",
        examples=["es"],
    ),
]
ExternalReference = Annotated[
    Line | None,
    Field(
        min_length=1,
        max_length=100,
        description="Your own name for the customer, unique in the organization.",
        examples=["S-2026-0117"],
    ),
]


Tolerance = Annotated[
    Amount | None,
    Field(
        description="How large a rest of an invoice a rule may write off; null takes the "
        "organization's.",
        examples=["5.00"],
    ),
]


class NewCustomer(Body):
    """A customer to make."""

    kind: Kind
    name: CustomerName
    given_name: GivenName = None
    family_name: FamilyName = None
    email: Email = None
    phone: Phone = None
    address: PostalAddress = NO_ADDRESS
    tax_id: TaxId = None
    language: Language = None
    external_reference: ExternalReference = None


class CustomerChanges(Part):
    """What to change of a customer; what is not named stays as it is, and null empties a member."""

    kind: Kind = UNNAMED
    name: CustomerName = UNNAMED
    given_name: GivenName = UNNAMED
    family_name: FamilyName = UNNAMED
    email: Email = UNNAMED
    phone: Phone = UNNAMED
    address: PostalAddress = UNNAMED
    tax_id: TaxId = UNNAMED
    language: Language = UNNAMED
    external_reference: ExternalReference = UNNAMED
    payment_tolerance: Tolerance = UNNAMED


class CustomerQuery(PageQuery):
    """What a list of customers is narrowed to; all that is given must hold."""

    q: Looked = None
    active: Annotated[
        bool | None, Field(description="Only those in use, or only the others.", examples=[True])
    ] = None
    kind: Annotated[
        CustomerKind | None, Field(description="Only of this kind.", examples=["student"])
    ] = None
    email: Annotated[
        Line | None,
        Field(max_length=254, description="Exactly this address.", examples=["a@example.com"]),
    ] = None
    external_reference: Annotated[
        Line | None,
        Field(max_length=100, description="Exactly this reference.", examples=["S-2026-0117"]),
    ] = None


class Customer(View):
    """A customer: pays in the books of one organization."""

    id: Id
    kind: Kind
    name: CustomerName
    given_name: GivenName
    family_name: FamilyName
    email: Email
    phone: Phone
    address: PostalAddress
    tax_id: TaxId
    language: Language
    external_reference: ExternalReference
    payment_tolerance: Tolerance
    active: Active
    erased_at: Annotated[
        Moment | None,
        Field(description="When the personal data were erased.", examples=[None]),
    ]
    version: Version
    created_at: Moment
    updated_at: Moment


class CustomerList(View):
    """A page of customers, newest first."""

    data: list[Customer]
    next: NextCursor


def shown_customer(document: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """Show a customer of an organization with a currency."""
    own = document["payment_tolerance"]
    return {**document, "payment_tolerance": None if own is None else money.text(own, currency)}
