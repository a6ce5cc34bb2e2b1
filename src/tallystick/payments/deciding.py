"""What an action of a rule comes to, from amounts alone: no database, and nothing is done.

Whoever does an action and whoever only tries it ask here, so that both are told the same.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from tallystick.invoices.states import Standing
from tallystick.kernel import money
from tallystick.kernel.errors import shown
from tallystick.rules.catalog import Action
from tallystick.rules.firing import Result

PPM: Final = 10**6


def idle(action: Action) -> Result:
    """Say that there is nothing to do."""
    return Result(action.kind.name, "idle")


def applied(action: Action, amount: int) -> Result:
    """Say what is moved."""
    return Result(action.kind.name, "applied", amount=amount)


def labelled(action: Action, *, there: bool) -> Result:
    """Say that a label is added, unless it is there."""
    if there:
        return idle(action)
    return Result(action.kind.name, "applied", detail=f"the label {shown(action.label)} was added")


def give_up_rest(action: Action, invoice: Standing | None, tolerance: Callable[[], int]) -> Result:
    """Decide whether the rest of an invoice is written off; the tolerance is asked for last."""
    # What a payment on its way has reserved is no rest.
    rest = invoice.open_due if invoice is not None and invoice.status == "open" else 0
    if invoice is None or not rest:
        return idle(action)
    most = tolerance()
    # Together with earlier rests: several payments must not add up beyond it.
    if rest + invoice.written_off <= most:
        return applied(action, rest)
    currency = invoice.currency
    before = ""
    if invoice.written_off:
        before = f"{money.text(invoice.written_off, currency)} {currency} were written off, "
    detail = (
        f"{money.text(rest, currency)} {currency} are left on {shown(invoice.number)}, {before}"
        f"and no more than {money.text(most, currency)} {currency} may be written off."
    )
    return Result(action.kind.name, "refused", "rule.beyond_tolerance", detail)


def discount(
    action: Action, invoice: Standing | None, paid_on: date, issued_on: Callable[[Standing], date]
) -> Result:
    """Decide whether the rest of an invoice that was paid early is credited."""
    # A credit note over what is reserved would take back money that was paid.
    if invoice is None or invoice.status != "open" or not invoice.due or invoice.reserved:
        return idle(action)
    until = issued_on(invoice) + timedelta(days=action.values["within_days"])
    most = money.divide_rounded(invoice.total * action.values["percent"], PPM)
    # Together with what was credited before: several payments must not add up beyond it.
    if paid_on > until or invoice.due + invoice.credited > most:
        return idle(action)
    return applied(action, invoice.due)


def recorded(action: Action, amount: int, left_over: int, *, held: bool) -> Result:
    """Say what an action makes of a payment as it is recorded.

    What is left over of a held one is known when it is confirmed.
    """
    if action.kind.name == "hold_for_approval":
        return applied(action, amount) if held else idle(action)
    return applied(action, left_over) if left_over and not held else idle(action)
