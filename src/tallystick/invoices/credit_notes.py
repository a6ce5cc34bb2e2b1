"""What a credit note takes back of an invoice, and what it says: pure, no database.

What stands of an invoice is kept for each tax rate, so that all notes together take back exactly
what the invoice charged, to the last minor unit of tax.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from tallystick.invoices import totals
from tallystick.invoices.content import LINES_MAX, line_values
from tallystick.invoices.numbering import Number
from tallystick.invoices.states import Standing
from tallystick.invoices.totals import MILLION, Line
from tallystick.kernel import money
from tallystick.kernel.actor import Act
from tallystick.kernel.decimals import scaled_text
from tallystick.kernel.errors import Invalid, Refused, shown


@dataclass(frozen=True, slots=True)
class Piece:
    """Net and tax at one rate, in minor units."""

    tax_rate_ppm: int
    net: int
    tax: int

    @property
    def gross(self) -> int:
        """Net and tax."""
        return self.net + self.tax


def remaining(
    charged: Iterable[Mapping[str, Any]], notes: Iterable[Iterable[Mapping[str, Any]]]
) -> list[Piece]:
    """Tell what still stands at each tax rate of an invoice after earlier notes.

    `charged` are the `tax_rates` of the invoice, `notes` those of each of its credit notes. The
    lowest rate stands first; a rate of which nothing is left stays in the list.
    """
    left = {rate["tax_rate_ppm"]: [rate["taxable"], rate["tax"]] for rate in charged}
    for rates in notes:
        for rate in rates:
            left[rate["tax_rate_ppm"]][0] -= rate["taxable"]
            left[rate["tax_rate_ppm"]][1] -= rate["tax"]
    return [Piece(rate, net, tax) for rate, (net, tax) in sorted(left.items())]


def check_creditable(standing: Standing) -> None:
    """Refuse to credit what is not owed.

    Refuses:
        invoice.draft: delete it, or change it.
        invoice.void, invoice.credited: nothing of it stands.
    """
    if standing.status == "draft":
        message = "This invoice is a draft and nobody owes it yet. Change it or delete it instead."
        raise Refused("invoice.draft", message)
    if standing.status == "void":
        message = f"The invoice {shown(standing.number)} is void, so there is nothing to credit."
        raise Refused("invoice.void", message)
    if standing.status == "credited":
        message = f"The invoice {shown(standing.number)} is credited already, to the last of it."
        raise Refused("invoice.credited", message)


def check_fits(standing: Standing, amount: int) -> None:
    """Refuse a note that takes back more than stands, or what somebody is paying now.

    Refuses:
        credit_note.amount_not_positive
        credit_note.exceeds_invoice: with what can be credited.
        credit_note.reserved: payments on their way need part of it.
    """
    if amount <= 0:
        message = "A credit note must take back something. Give an amount above 0."
        raise Invalid("credit_note.amount_not_positive", message, pointer="/amount")
    if amount > standing.creditable:
        raise exceeds(standing, amount, pointer="/amount")
    if amount > standing.creditable - standing.reserved:
        currency = standing.currency
        reserved = money.text(standing.reserved, currency)
        message = (
            f"Payments on their way need {reserved} {currency} of the invoice "
            f"{shown(standing.number)}. Credit it when they have ended, or credit less."
        )
        raise Refused("credit_note.reserved", message, facts={"reserved": reserved})


def exceeds(standing: Standing, amount: int, *, pointer: str) -> Refused:
    """Say that a note is larger than what still stands of its invoice."""
    currency = standing.currency
    creditable = money.text(standing.creditable, currency)
    message = (
        f"The credit note of {money.text(amount, currency)} {currency} is more than the "
        f"{creditable} {currency} that still stand of {shown(standing.number)}."
    )
    facts = {"creditable": creditable, "currency": currency}
    return Refused("credit_note.exceeds_invoice", message, pointer=pointer, facts=facts)


def of_amount(left: Sequence[Piece], amount: int) -> list[Piece]:
    """Split a gross amount over the rates of an invoice, and each part into net and tax.

    In proportion to what remains, by largest remainder, so no part is more than what remains of it
    and the last note takes the rest exactly. Rates that get nothing are left out.
    """
    parts = money.split(amount, [piece.gross for piece in left])
    pieces = []
    for piece, part in zip(left, parts, strict=True):
        if part:
            net, tax = money.split(part, [piece.net, piece.tax])
            pieces.append(Piece(piece.tax_rate_ppm, net, tax))
    return pieces


def of_lines(
    left: Sequence[Piece], lines: Sequence[Line], standing: Standing
) -> tuple[list[Piece], list[dict[str, Any]]]:
    """Price the lines of a note as those of an invoice; give its pieces and its lines.

    A rate whose net is credited to the last gives its tax to the last; before that the tax of a
    note is computed, and capped by what remains, from which rounding may have taken a minor unit.

    Refuses:
        invoice.too_many_lines
        credit_note.rate_unknown: the invoice has no such tax rate.
        credit_note.exceeds_invoice: more than what remains at a rate.
        The codes of `totals.compute`.
    """
    if len(lines) > LINES_MAX:
        message = f"A credit note has at most {LINES_MAX} lines, and this one has {len(lines)}."
        raise Invalid("invoice.too_many_lines", message, pointer="/lines")
    computed = totals.compute(lines)
    standing_at = {piece.tax_rate_ppm: piece for piece in left}
    pieces = []
    for rate in computed.rates:
        piece = standing_at.get(rate.tax_rate_ppm)
        percent = scaled_text(rate.tax_rate_ppm, totals.PERCENT_DECIMALS)
        if piece is None:
            message = f"Nothing of {shown(standing.number)} is taxed at {percent} %."
            raise Refused("credit_note.rate_unknown", message, pointer="/lines")
        if rate.taxable > piece.net:
            currency = standing.currency
            creditable = money.text(standing.creditable, currency)
            message = (
                f"The lines at {percent} % are {money.text(rate.taxable, currency)} {currency} "
                f"net, and {money.text(piece.net, currency)} {currency} net still stand at that "
                f"rate of {shown(standing.number)}."
            )
            facts = {"creditable": creditable, "currency": currency}
            raise Refused("credit_note.exceeds_invoice", message, pointer="/lines", facts=facts)
        tax = piece.tax if rate.taxable == piece.net else min(rate.tax, piece.tax)
        pieces.append(Piece(rate.tax_rate_ppm, rate.taxable, tax))
    said = [
        {"position": position, **line_values(line), "net": net}
        for position, (line, net) in enumerate(zip(lines, computed.line_nets, strict=True), start=1)
    ]
    return pieces, said


def lines_of(pieces: Sequence[Piece], invoice_number: str | None) -> list[dict[str, Any]]:
    """Say an amount in lines: one for each tax rate."""
    return [
        {
            "position": position,
            **line_values(
                Line(
                    f"Credit for invoice {invoice_number}",
                    MILLION,
                    piece.net,
                    piece.tax_rate_ppm,
                )
            ),
            "net": piece.net,
        }
        for position, piece in enumerate(pieces, start=1)
    ]


@dataclass(frozen=True, slots=True)
class Said:
    """What a credit note says beside its number."""

    reason: str
    pieces: Sequence[Piece]
    lines: Sequence[Mapping[str, Any]]


def row(
    act: Act,
    note_id: UUID,
    standing: Standing,
    said: Said,
    *,
    number: Number,
    parties: tuple[dict[str, Any], dict[str, Any]],
) -> dict[str, Any]:
    """Lay out the row of a new credit note; `parties` are seller and buyer, as the invoice has."""
    net = sum(piece.net for piece in said.pieces)
    tax = sum(piece.tax for piece in said.pieces)
    values: dict[str, Any] = {
        "organization_id": act.organization_id,
        "id": note_id,
        "invoice_id": standing.id,
        "customer_id": standing.customer_id,
        "currency": standing.currency,
        "net": net,
        "tax": tax,
        "total": net + tax,
        "lines": list(said.lines),
        "tax_rates": [
            {
                "tax_rate_ppm": piece.tax_rate_ppm,
                "net": piece.net,
                "discount": 0,
                "taxable": piece.net,
                "tax": piece.tax,
            }
            for piece in said.pieces
        ],
        "reason": said.reason,
        "series": number.series.name,
        "year": number.series.year,
        "sequence": number.sequence,
        "number": number.text,
        "issue_date": number.date,
        "seller": parties[0],
        "buyer": parties[1],
        "created_at": act.at,
    }
    values["document_hash"] = document_hash(values)
    return values


def document_hash(note: Mapping[str, Any]) -> str:
    """Hash what a credit note says (SHA-256), so that the audit sees any later change."""
    said = [note[name] for name in _FROZEN]
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


_FROZEN = (
    *("id", "invoice_id", "customer_id", "currency", "net", "tax", "total", "lines", "tax_rates"),
    *("reason", "series", "year", "sequence", "number", "issue_date", "seller", "buyer"),
)
