"""Credit notes together take back exactly what an invoice charged, in whatever steps."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.invoices import credit_notes, totals
from tallystick.invoices.credit_notes import Piece
from tallystick.invoices.states import Standing
from tallystick.invoices.totals import Line
from tallystick.kernel import ids
from tallystick.kernel.errors import Refused

RATES = (0, 70_000, 190_000, 333_333, 1_000_000)
LINES = st.lists(
    st.builds(
        Line,
        st.just("x"),
        st.integers(1, 3_000_000),
        st.integers(0, 5_000),
        st.sampled_from(RATES),
    ),
    min_size=1,
    max_size=6,
)


def charged(computed: totals.Totals) -> list[dict[str, Any]]:
    return [
        {"tax_rate_ppm": rate.tax_rate_ppm, "taxable": rate.taxable, "tax": rate.tax}
        for rate in computed.rates
    ]


def noted(pieces: list[Piece]) -> list[dict[str, Any]]:
    return [
        {"tax_rate_ppm": each.tax_rate_ppm, "taxable": each.net, "tax": each.tax} for each in pieces
    ]


def standing(total: int, credited: int) -> Standing:
    return Standing(
        organization_id=ids.NIL,
        id=ids.NIL,
        customer_id=ids.NIL,
        number="INV-2026-000001",
        status="open",
        currency="EUR",
        total=total,
        paid=0,
        credited=credited,
        written_off=0,
        reserved=0,
        due_date=None,
        version=1,
    )


@given(LINES, st.data())
def test_notes_take_back_what_was_charged_and_no_more(lines: list[Line], data: Any) -> None:
    computed = totals.compute(lines)
    notes: list[list[dict[str, Any]]] = []
    credited = 0
    for line in data.draw(st.lists(st.none() | st.sampled_from(lines), max_size=6)):
        left = credit_notes.remaining(charged(computed), notes)
        assert sum(piece.gross for piece in left) == computed.total - credited
        if line is not None:
            invoice = standing(computed.total, credited)
            [rate] = totals.compute([line]).rates
            [piece] = [each for each in left if each.tax_rate_ppm == line.tax_rate_ppm]
            if rate.taxable > piece.net:
                with pytest.raises(Refused) as refused:
                    credit_notes.of_lines(left, [line], invoice)
                assert refused.value.refusal.code == "credit_note.exceeds_invoice"
                continue
            pieces, _ = credit_notes.of_lines(left, [line], invoice)
        elif credited < computed.total:
            amount = data.draw(st.integers(1, computed.total - credited))
            pieces = credit_notes.of_amount(left, amount)
            assert sum(piece.gross for piece in pieces) == amount
        else:
            continue
        before = {piece.tax_rate_ppm: piece for piece in left}
        for piece in pieces:
            assert 0 <= piece.net <= before[piece.tax_rate_ppm].net
            assert 0 <= piece.tax <= before[piece.tax_rate_ppm].tax
        notes.append(noted(pieces))
        credited += sum(piece.gross for piece in pieces)
    left = credit_notes.remaining(charged(computed), notes)
    if credited < computed.total:
        rest = credit_notes.of_amount(left, computed.total - credited)
        assert rest == [piece for piece in left if piece.gross], "the last note takes the rest"
        notes.append(noted(rest))
    assert all(
        (piece.net, piece.tax) == (0, 0)
        for piece in credit_notes.remaining(charged(computed), notes)
    )


@given(LINES, st.data())
def test_an_amount_is_shared_in_proportion_to_less_than_a_unit(
    lines: list[Line], data: Any
) -> None:
    computed = totals.compute(lines)
    if computed.total == 0:
        return
    amount = data.draw(st.integers(1, computed.total))
    left = credit_notes.remaining(charged(computed), [])
    pieces = {each.tax_rate_ppm: each for each in credit_notes.of_amount(left, amount)}
    for piece in left:
        got = pieces.get(piece.tax_rate_ppm, Piece(piece.tax_rate_ppm, 0, 0))
        assert abs(got.gross * computed.total - amount * piece.gross) < computed.total
        assert abs(got.net * piece.gross - got.gross * piece.net) < max(piece.gross, 1)
