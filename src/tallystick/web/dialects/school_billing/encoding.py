"""From our documents to the answers of contract 004, members in its order."""

from collections.abc import Mapping
from typing import Any, Final

from tallystick.invoices.across import IssuedInvoice, State
from tallystick.kernel import money
from tallystick.kernel.alias_numbers import Alias
from tallystick.parties.customers import CustomerDocument
from tallystick.parties.organizations import OrganizationDocument
from tallystick.payments.across import PaidPart
from tallystick.payments.states import OfflineMethod

Shown = dict[str, Any]

STATUS: Final[dict[State, str]] = {
    "unpaid": "ISSUED",
    "partial": "PARTIAL",
    "paid": "PAID",
    "void": "VOID",
}
STATE: Final[dict[str, State]] = {status: state for state, status in STATUS.items()}
METHOD: Final[dict[str | None, OfflineMethod]] = {
    "CASH": "cash",
    "CARD": "card_at_counter",
    "TRANSFER": "bank_transfer",
    "CHECK": "cheque",
    "OTHER": "other",
    None: "other",
}
UNSAID: Final = {"method": None}
"""What is remembered of a payment whose method was not said; the core knows it as `other`."""
_METHOD_SAID: Final[dict[str, str]] = {
    method: said for said, method in METHOD.items() if said is not None
}


def amount(minor_units: int, currency: str) -> str:
    """Write an amount with two decimals, those of a currency without any as zeros."""
    written = money.text(minor_units, currency)
    return written if "." in written else f"{written}.00"


def school(document: OrganizationDocument, number: int) -> Shown:
    """Show a school."""
    return {
        "name": document["name"],
        "country": document["country"],
        "currency": document["currency"],
        "id": number,
        "is_active": document["active"],
        "created_at": document["created_at"],
        "updated_at": document["updated_at"],
    }


def student(document: CustomerDocument, number: int, school_number: int) -> Shown:
    """Show a student; whoever has no two names has one."""
    return {
        "first_name": document["given_name"] or document["name"],
        "last_name": document["family_name"] or "",
        "email": document["email"],
        "id": number,
        "school_id": school_number,
        "created_at": document["created_at"],
        "updated_at": document["updated_at"],
    }


def invoice(document: IssuedInvoice, alias: Alias, student_number: int) -> Shown:
    """Show an invoice; one that took the place of another keeps when the first was issued."""
    return {
        "amount_total": amount(document["amount"], document["currency"]),
        "currency": document["currency"],
        "due_date": document["due_date"],
        "description": _description(document),
        "id": alias.number,
        "student_id": student_number,
        "status": STATUS[document["state"]],
        **_moments(document, alias.facts),
    }


def stated(document: IssuedInvoice, alias: Alias, student_number: int) -> Shown:
    """Show an invoice in a statement."""
    moments = _moments(document, alias.facts)
    currency = document["currency"]
    return {
        "id": alias.number,
        "student_id": student_number,
        "amount_total": amount(document["amount"], currency),
        "paid": amount(document["paid"], currency),
        "pending": amount(document["amount"] - document["paid"], currency),
        "currency": currency,
        "status": STATUS[document["state"]],
        "issued_at": moments["issued_at"],
        "due_date": document["due_date"],
        "description": _description(document),
        "created_at": moments["created_at"],
        "updated_at": moments["updated_at"],
    }


def payment(part: PaidPart, alias: Alias, invoice_number: int) -> Shown:
    """Show what a payment gives to one invoice."""
    said = _METHOD_SAID.get(part["method"], "OTHER")
    return {
        "amount": amount(part["amount"], part["currency"]),
        "method": alias.facts.get("method", said),
        "reference": part["reference"],
        "id": alias.number,
        "invoice_id": invoice_number,
        "paid_at": part["created_at"],
        "created_at": part["created_at"],
    }


def _description(document: IssuedInvoice) -> str | None:
    said = document["note"] if document["memo"] is None else document["memo"]
    return said or None


def _moments(document: IssuedInvoice, facts: Mapping[str, Any]) -> Shown:
    return {
        "issued_at": facts.get("issued_at", document["issued_at"]),
        "created_at": facts.get("created_at", document["created_at"]),
        "updated_at": document["updated_at"],
    }
