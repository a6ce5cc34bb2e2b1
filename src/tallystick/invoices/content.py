"""What an invoice says, from a command to rows and to the frozen document: pure, no database."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from tallystick.invoices.numbering import RESERVED_SERIES
from tallystick.invoices.totals import Discount, Line, Totals, compute
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Invalid, shown

LINES_MAX = 500
TERMS_DAYS_MAX = 3_650


@dataclass(frozen=True, slots=True)
class DraftContent:
    """What the author of an invoice decides; everything else follows from it."""

    customer_id: UUID
    currency: str
    lines: tuple[Line, ...]
    discount: Discount | None = None
    terms_days: int | None = None
    """Days from issue to due date; None takes the organization's."""
    series: str = "INV"
    reference: str | None = None
    note: str | None = None
    relates_to: UUID | None = None
    """The invoice on which this one charges something, because that is overdue."""


@dataclass(slots=True)
class Prepared:
    """The rows of one invoice, before they are written."""

    invoice: dict[str, Any]
    content: dict[str, Any]
    lines: list[dict[str, Any]]


def prepare(
    act: Act, invoice_id: UUID, content: DraftContent, *, terms_days: int, version: int = 1
) -> Prepared:
    """Compute the totals of a draft and lay out its rows. `terms_days` is the organization's.

    Refuses:
        invoice.too_many_lines, invoice.terms_malformed, invoice.series_reserved, and the codes of
        `totals.compute`.
    """
    if len(content.lines) > LINES_MAX:
        message = (
            f"An invoice has at most {LINES_MAX} lines, and this one has {len(content.lines)}."
        )
        raise Invalid("invoice.too_many_lines", message, pointer="/lines")
    terms = terms_days if content.terms_days is None else content.terms_days
    if not 0 <= terms <= TERMS_DAYS_MAX:
        message = f"Terms of {shown(terms)} days are not possible. Use 0 to {TERMS_DAYS_MAX}."
        raise Invalid("invoice.terms_malformed", message, pointer="/terms_days")
    if content.series in RESERVED_SERIES:
        message = (
            f"The series {shown(content.series)} numbers documents that are no invoices. Choose "
            "another one, or leave it out to take INV."
        )
        raise Invalid("invoice.series_reserved", message, pointer="/series")
    totals = compute(content.lines, content.discount)
    key = {"organization_id": act.organization_id, "invoice_id": invoice_id}
    return Prepared(
        invoice=_invoice_values(act, invoice_id, content, totals.total, version),
        content={**key, **_content_values(content, totals, terms)},
        lines=[
            {**key, "position": position, **line_values(line), "net": net}
            for position, (line, net) in enumerate(
                zip(content.lines, totals.line_nets, strict=True), start=1
            )
        ],
    )


def _invoice_values(
    act: Act, invoice_id: UUID, content: DraftContent, total: int, version: int
) -> dict[str, Any]:
    return {
        "organization_id": act.organization_id,
        "id": invoice_id,
        "customer_id": content.customer_id,
        "status": "draft",
        "payment_status": "unpaid",
        "currency": content.currency,
        "total": total,
        "paid": 0,
        "credited": 0,
        "written_off": 0,
        "reserved": 0,
        "series": content.series,
        "year": None,
        "sequence": None,
        "number": None,
        "issue_date": None,
        "due_date": None,
        "version": version,
        "created_at": act.at,
        "updated_at": act.at,
        "booked_on": None,
    }


def _content_values(content: DraftContent, totals: Totals, terms_days: int) -> dict[str, Any]:
    return {
        "terms_days": terms_days,
        "reference": content.reference,
        "note": content.note,
        **_discount_values(content.discount),
        "net": totals.net,
        "tax": totals.tax,
        "discount": totals.discount,
        "tax_rates": [rate._asdict() for rate in totals.rates],
        "seller": None,
        "buyer": None,
        "document_hash": None,
        "issued_at": None,
        "voided_at": None,
        "void_reason": None,
        "write_off_reason": None,
        "memo": None,
        "replaces": None,
        "relates_to": content.relates_to,
    }


def line_values(line: Line) -> dict[str, Any]:
    """Lay out what one line says; its position and its net amount are added by the caller."""
    return {
        "description": line.description,
        "quantity_micro": line.quantity_micro,
        "unit_price": line.unit_price,
        "tax_rate_ppm": line.tax_rate_ppm,
        **_discount_values(line.discount),
    }


def _discount_values(discount: Discount | None) -> dict[str, Any]:
    return {
        "discount_kind": None if discount is None else discount.kind,
        "discount_value": None if discount is None else discount.value,
    }


def document_hash(
    invoice: Mapping[str, Any], content: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]
) -> str:
    """Hash what an issued document says (SHA-256), so that the audit sees any later change.

    The due date goes in as the document says it, which is what its terms make of its date; the date
    that stands beside the document may have been put off since.
    """
    due_date = invoice["issue_date"] + timedelta(days=content["terms_days"])
    frozen = {**invoice, "due_date": due_date}
    said = {
        "invoice": [frozen[name] for name in _FROZEN_INVOICE],
        "content": [content[name] for name in _FROZEN_CONTENT],
        "lines": [[line[name] for name in _FROZEN_LINE] for line in lines],
    }
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


_FROZEN_INVOICE = (
    *("id", "customer_id", "currency", "total", "series", "year", "sequence", "number"),
    *("issue_date", "due_date"),
)
_FROZEN_CONTENT = (
    *("reference", "note", "discount_kind", "discount_value", "net", "tax", "discount"),
    *("tax_rates", "seller", "buyer"),
)
_FROZEN_LINE = (
    *("position", "description", "quantity_micro", "unit_price", "tax_rate_ppm"),
    *("discount_kind", "discount_value", "net"),
)
