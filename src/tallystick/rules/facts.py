"""What a condition may ask about: each field with its type and its words.

The catalog is closed. A field is found in it by its whole name and never by taking a name apart, so
that no name leads anywhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, get_args
from uuid import UUID

from tallystick.rules.forms import COUNTRY, CURRENCY, LANGUAGE, METHOD, METHODS, Form

Trigger = Literal[
    "payment_settled",
    "payment_recorded",
    "invoice_issued",
    "invoice_overdue",
    "refund_requested",
    "customer_changed",
]
TRIGGERS: tuple[Trigger, ...] = get_args(Trigger)

Subject = Literal["payment", "invoice", "customer", "organization", "refund"]
SUBJECTS: Final[Mapping[Trigger, frozenset[Subject]]] = {
    "payment_settled": frozenset({"payment", "invoice", "customer", "organization"}),
    "payment_recorded": frozenset({"payment", "customer", "organization"}),
    "invoice_issued": frozenset({"invoice", "customer", "organization"}),
    "invoice_overdue": frozenset({"invoice", "customer", "organization"}),
    "refund_requested": frozenset({"refund", "payment", "customer", "organization"}),
    "customer_changed": frozenset({"customer", "organization"}),
}
"""What is known when something happens. A payment that pays several invoices is asked about once
with each of them.
"""

FOLLOWED: Final[frozenset[Trigger]] = frozenset({"invoice_issued", "customer_changed"})
"""What is followed by its events, after COMMIT (`tallystick.payments.following`)."""

Type = Literal["money", "number", "date", "text", "word", "id"]
Value = int | str | date | UUID | None
"""Money is minor units of the currency that the rule is made for."""
Facts = Mapping[str, Value]
"""What is the case, by the names of fields; a field that is not there is empty."""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be asked about."""

    name: str
    subject: Subject
    type: Type
    words: str
    """As it stands in a sentence."""
    choices: tuple[str, ...] = ()
    """The values of a word; of a text some that are usual."""
    form: Form | None = None
    """Of a text that is a code: which ones can be."""
    numbered: bool = False
    """Whether a text is a number of ours. In one that is no code either a person may be named."""


_PAID = ("unpaid", "partial", "paid")
_STATUSES = ("open", "void", "credited")
_KINDS = ("student", "individual", "corporate")

_ALL = (
    Field("payment.amount", "payment", "money", "the amount of the payment"),
    Field("payment.unallocated", "payment", "money", "what is left over of the payment"),
    Field("payment.method", "payment", "text", "the method of the payment", METHODS, form=METHOD),
    Field("payment.currency", "payment", "text", "the currency of the payment", form=CURRENCY),
    Field("payment.paid_on", "payment", "date", "the day of the payment"),
    Field("payment.reference", "payment", "text", "the reference of the payment"),
    Field("invoice.id", "invoice", "id", "the invoice"),
    Field("invoice.number", "invoice", "text", "the number of the invoice", numbered=True),
    Field("invoice.currency", "invoice", "text", "the currency of the invoice", form=CURRENCY),
    Field("invoice.total", "invoice", "money", "the total of the invoice"),
    Field("invoice.amount", "invoice", "money", "what the invoice comes to after its corrections"),
    Field("invoice.paid", "invoice", "money", "what is paid on the invoice"),
    Field("invoice.due", "invoice", "money", "what is due on the invoice"),
    Field("invoice.status", "invoice", "word", "the status of the invoice", _STATUSES),
    Field("invoice.payment_status", "invoice", "word", "how far the invoice is paid", _PAID),
    Field("invoice.due_date", "invoice", "date", "the day on which the invoice is due"),
    Field("invoice.days_overdue", "invoice", "number", "how many days the invoice is overdue"),
    Field("customer.id", "customer", "id", "the customer"),
    Field("customer.kind", "customer", "word", "the kind of the customer", _KINDS),
    Field("customer.external_reference", "customer", "text", "the customer's reference"),
    Field("customer.language", "customer", "text", "the customer's language", form=LANGUAGE),
    Field(
        "organization.country", "organization", "text", "the organization's country", form=COUNTRY
    ),
    Field("refund.amount", "refund", "money", "the amount of the refund"),
    Field("refund.total", "refund", "money", "what goes back of the payment with the refund"),
    Field("refund.method", "refund", "text", "the method of the refund", METHODS, form=METHOD),
    Field("refund.reason", "refund", "text", "the reason of the refund"),
)
FIELDS: Final[Mapping[str, Field]] = {field.name: field for field in _ALL}
FREE_TEXTS: Final = frozenset(
    field.name for field in _ALL if field.type == "text" and not field.form and not field.numbered
)
"""What people write in their own words, and what goes when the customer is erased."""


def known(trigger: Trigger) -> dict[str, Field]:
    """List the fields that are known when something happens, by name."""
    subjects = SUBJECTS[trigger]
    return {name: field for name, field in FIELDS.items() if field.subject in subjects}
