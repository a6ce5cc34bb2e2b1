"""Organizations and addresses, as the API takes and shows them."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from tallystick.kernel import money
from tallystick.parties.organizations import TERMS_DAYS_MAX
from tallystick.web.fields import (
    COUNTRY,
    SLUG,
    UNNAMED,
    Amount,
    Body,
    CurrencyCode,
    Id,
    Line,
    Moment,
    NextCursor,
    PageQuery,
    Part,
    Version,
    View,
    Word,
)

Slug = Annotated[
    Word,
    Field(
        min_length=1,
        max_length=63,
        pattern=SLUG,
        description="Short name for addresses and the command line. It never changes.",
        examples=["northfield"],
    ),
]
OrganizationName = Annotated[
    Line, Field(min_length=1, max_length=255, examples=["Northfield Trust"])
]
Country = Annotated[
    str,
    Field(pattern=COUNTRY, description="ISO 3166-1, two capital letters.", examples=["ES"]),
]
TimeZone = Annotated[
    Line,
    Field(
        min_length=1,
        max_length=64,
        description="Name in the IANA database. Days are days of this zone.",
        examples=["Europe/Madrid"],
    ),
]
TaxId = Annotated[
    Line | None,
    Field(min_length=1, max_length=50, description="Tax identifier.", examples=["ESB12345678"]),
]
TermsDays = Annotated[
    int,
    Field(
        ge=0,
        le=TERMS_DAYS_MAX,
        description="Days from issue to due date where an invoice says nothing else.",
        examples=[30],
    ),
]
Tolerance = Annotated[
    Amount,
    Field(
        description="How large a rest of an invoice a rule may write off, in the organization's "
        "currency.",
        examples=["0.00"],
    ),
]
Active = Annotated[bool, Field(description="Whether it is in use.", examples=[True])]
_Street = Annotated[Line, Field(min_length=1, max_length=255, examples=["12 Chapel Lane"])]


class Address(Part):
    """A postal address, as far as it is known."""

    line1: _Street = UNNAMED
    line2: Annotated[Line, Field(min_length=1, max_length=255, examples=["2nd floor"])] = UNNAMED
    postal_code: Annotated[Line, Field(min_length=1, max_length=20, examples=["28013"])] = UNNAMED
    city: Annotated[Line, Field(min_length=1, max_length=255, examples=["Madrid"])] = UNNAMED
    region: Annotated[Line, Field(min_length=1, max_length=255, examples=["Madrid"])] = UNNAMED
    country: Country = UNNAMED


PostalAddress = Annotated[
    Address,
    Field(
        description="Postal address; the members that are not known are left out.",
        examples=[{"line1": "12 Chapel Lane", "postal_code": "28013", "city": "Madrid"}],
    ),
]


NO_ADDRESS = Address()


class NewOrganization(Body):
    """An organization to make."""

    slug: Slug
    name: OrganizationName
    country: Country
    currency: CurrencyCode
    time_zone: TimeZone
    tax_id: TaxId = None
    address: PostalAddress = NO_ADDRESS
    terms_days: TermsDays = 30


class OrganizationChanges(Part):
    """What to change of an organization; what is not named stays as it is."""

    name: OrganizationName = UNNAMED
    country: Country = UNNAMED
    time_zone: TimeZone = UNNAMED
    tax_id: TaxId = UNNAMED
    address: PostalAddress = UNNAMED
    terms_days: TermsDays = UNNAMED
    payment_tolerance: Tolerance = UNNAMED


class OrganizationQuery(PageQuery):
    """What a list of organizations is narrowed to."""

    active: Annotated[
        bool | None, Field(description="Only those in use, or only the others.", examples=[True])
    ] = None


class Organization(View):
    """An organization: it is owed, and has books of its own."""

    id: Id
    slug: Slug
    name: OrganizationName
    country: Country
    currency: CurrencyCode
    time_zone: TimeZone
    tax_id: TaxId
    address: PostalAddress
    terms_days: TermsDays
    payment_tolerance: Tolerance
    active: Active
    version: Version
    created_at: Moment
    updated_at: Moment


def shown_organization(document: Mapping[str, Any]) -> dict[str, Any]:
    """Show an organization."""
    tolerance = money.text(document["payment_tolerance"], document["currency"])
    return {**document, "payment_tolerance": tolerance}


class OrganizationInList(Organization):
    """An organization, and what you are there."""

    role: Annotated[
        str | None,
        Field(description="Your role in it; null for the platform.", examples=["owner"]),
    ]


class OrganizationList(View):
    """A page of organizations, newest first."""

    data: list[OrganizationInList]
    next: NextCursor
