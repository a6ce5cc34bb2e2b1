"""The checks of what a provider reports."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from tallystick.kernel.clock import now
from tallystick.payments.provider import Reported, Unknown
from tallystick.testing.deeds import REFUND, START, Deed
from tallystick.testing.money_checks import stays_small, time_for
from tallystick.testing.proxy import LineFault
from tallystick.testing.subject import Subject, Trial, require, trial

MARGIN: Final = timedelta(hours=1)
"""How far the server's clock may be from ours."""
BEFORE: Final = timedelta(days=2)


def tells_all(subject: Subject) -> None:
    """Report what was done, once, under its key and in its time; and nothing that was not done."""
    with trial(subject) as made:
        deeds = (START, REFUND) if made.provider.abilities.refunds else (START,)
        for deed in deeds:
            prepared = deed.prepare(made)
            made.call(prepared.do, deed.name)
            at, count = now(), prepared.count()
            listed = _about(deed, _report(made, at - MARGIN, at + MARGIN), prepared.key)
            require(
                len(listed) == count,
                f"report after {deed.name}: lists it {len(listed)} times; the server did it "
                f"{count} times.",
            )
            amounts = {one.amount for one in listed} - {None, prepared.amount}
            require(not amounts, f"report after {deed.name}: tells the amounts {amounts}.")
            for one in listed:
                near = at - MARGIN <= one.at < at + MARGIN
                require(near, f"report after {deed.name}: tells {one.at} for {at}.")
            other = _about(deed, _report(made, at - BEFORE, at - MARGIN), prepared.key)
            require(not other, f"report of another time: lists {deed.name} too.")


def asks_in_vain(subject: Subject, fault: LineFault) -> None:
    """Take half a report, or none, for no report at all."""
    with trial(subject, time_for(fault)) as made:
        at = now()
        with made.proxy.failing(fault):
            found = made.call(lambda: made.provider.report(at - MARGIN, at), "report")
        require(isinstance(found, Unknown), f"report, {fault.name}: {found}; it must be Unknown.")
        stays_small(made, f"report, {fault.name}")


def _report(made: Trial, since: datetime, until: datetime) -> Sequence[Reported]:
    found = made.call(lambda: made.provider.report(since, until), "report")
    require(not isinstance(found, Unknown), f"report: {found}")
    return [] if isinstance(found, Unknown) else found


def _about(deed: Deed, listed: Sequence[Reported], key: object) -> list[Reported]:
    what = "refund" if deed is REFUND else "payment"
    return [one for one in listed if (one.what, one.key) == (what, key)]
