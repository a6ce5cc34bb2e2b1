"""What is cut off at any moment is charged or given back once, and recorded once."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import get_args
from uuid import UUID

import pytest
from sqlalchemy import exc

from tallystick import wiring
from tallystick.kernel.clock import now
from tallystick.kernel.database import Database
from tallystick.payments.allocating import Share
from tallystick.payments.provider import Succeeded
from tallystick.payments.resolving import ResolvePayment, resolve_payments
from tallystick.payments.returning import ResolveRefund, StartRefund, resolve_refunds
from tallystick.payments.starting import StartPayment
from tallystick.testing.fakepay.faults import Fault, Faults
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.fakepay.ledger import Ledger
from tallystick.testing.fakepay.server import Server
from tests.faults import charging, mutants
from tests.faults.charging import CALL_S, LATER, Ask, InFlight, Request
from tests.faults.dying import Moment, Mortal, Order
from tests.races.books import Books, answer

MOMENTS: tuple[Moment, ...] = get_args(Moment)
MOMENTS_MAX = 80
MINUTE = timedelta(minutes=1)
STRIDE = 6
"""In the short form a process dies before every so manieth statement and COMMIT: within one
transaction none differs from the next. After each COMMIT and around each call it dies always.
"""

Deed = Callable[[Database], object]


@dataclass
class Scene:
    """One organization, and a stand-in with its own ledger and faults."""

    books: Books
    mortal: Mortal
    fakepay: Server
    mutant: mutants.Name | None = None

    @property
    def database(self) -> Database:
        """The database of the organization."""
        return self.books.database

    @property
    def url(self) -> str:
        """The address of the database."""
        return self.database.url.render_as_string(hide_password=False)

    def charge(self) -> Request:
        """Ask for the whole of a new invoice."""
        [invoice_id] = self.books.issued(1, 1_000)
        act = self.books.act(said=invoice_id)
        command = StartPayment(act, "fakepay", CALL_S, "EUR", 1_000, invoices=(Share(invoice_id),))
        return Request(self.fakepay.url, command)

    def unanswered(self, kind: Kind) -> Request:
        """Ask for an invoice, and get no answer."""
        charge = self.charge()
        self.fakepay.faults.add(Fault(kind, times=1))
        charge(self.database)
        return charge

    def die(self, deed: Deed, moment: Moment, number: int) -> bool:
        """Let a process die in the midst of a deed; tell whether it lived to its end."""
        return self.mortal.obey(Order(self.url, deed, moment, number, self.mutant)) == "finished"

    def end(self, sent: Request, place: str, *, at_once: bool) -> None:
        """Start again after a death: the client repeats, the worker works, the provider tells.

        The client repeats when the call must be over, and `at_once` too.
        """
        began = sent.command.act.at
        if at_once:
            with suppress(InFlight):
                sent.at(began + timedelta(seconds=1))(self.database)
        said = sent.at(began + MINUTE)(self.database)
        Ask(self.fakepay.url, began + LATER)(self.database)
        again = sent.at(began + LATER)(self.database)
        if again["status"] == "succeeded":
            # What was said comes once more, as events of providers do.
            act, about = self.books.act(), UUID(again["id"])
            if isinstance(sent.command, StartPayment):
                told = ResolvePayment(act, about, Succeeded())
                assert answer(self.database, resolve_payments, told).outcome == again, place
            else:
                back = ResolveRefund(act, about, Succeeded())
                assert answer(self.database, resolve_refunds, back).outcome == again, place
        assert again["id"] == said["id"], place
        assert charging.astray(self.database, self.fakepay.ledger.report()) == [], place
        assert charging.undecided(self.database) == 0, place


@pytest.fixture
def scene(own_database: Database, mortal: Mortal, tmp_path: Path) -> Iterator[Scene]:
    ledger = Ledger(tmp_path / "fakepay.db", now)
    with Server(0, ledger, Faults(seed=1)).beside() as fakepay:
        yield Scene(Books.open(own_database), mortal, fakepay)
    ledger.close()


def _of_charge(scene: Scene) -> tuple[Request, Deed]:
    charge = scene.charge()
    return charge, charge


def _of_repeat(scene: Scene) -> tuple[Request, Deed]:
    charge = scene.unanswered(Kind.DROP_AFTER)
    return charge, charge.at(charge.command.act.at + MINUTE)


def _of_asking(scene: Scene) -> tuple[Request, Deed]:
    charge = scene.unanswered(Kind.ERROR_AFTER)
    return charge, Ask(scene.fakepay.url, charge.command.act.at + MINUTE)


def _of_asking_in_vain(scene: Scene) -> tuple[Request, Deed]:
    charge = scene.unanswered(Kind.DROP_BEFORE)
    return charge, Ask(scene.fakepay.url, charge.command.act.at + MINUTE)


def _of_refund(scene: Scene) -> tuple[Request, Deed]:
    paid = scene.charge()(scene.database)
    command = StartRefund(scene.books.act(said=paid["id"]), UUID(paid["id"]), CALL_S, 600)
    back = Request(scene.fakepay.url, command)
    return back, back


def _of_asking_for_refund(scene: Scene) -> tuple[Request, Deed]:
    back, _ = _of_refund(scene)
    scene.fakepay.faults.add(Fault(Kind.DROP_AFTER, "refund", times=1))
    back(scene.database)
    return back, Ask(scene.fakepay.url, back.command.act.at + MINUTE)


DEEDS = {
    "charge": _of_charge,
    "repeat": _of_repeat,
    "reconcile": _of_asking,
    "reconcile in vain": _of_asking_in_vain,
    "refund": _of_refund,
    "reconcile refund": _of_asking_for_refund,
}


def sweep(scene: Scene, name: str, *, full: bool = False) -> Counter[str]:
    """Let a deed die at every moment, or in the short form at each that differs; count them.

    Raises:
        AssertionError: afterwards the provider's ledger and our books differ.
    """
    prepare = DEEDS[name]
    _, deed = prepare(scene)
    # Whatever the first one prepares is there for all others.
    scene.mortal.obey(Order(scene.url, deed, "statement", 0))
    deaths: Counter[str] = Counter()
    for moment in MOMENTS:
        stride = STRIDE if moment in {"statement", "commit"} and not full else 1
        for number in range(1, MOMENTS_MAX, stride):
            charge, deed = prepare(scene)
            finished = scene.die(deed, moment, number)
            scene.end(charge, f"{name}, {moment} {number}", at_once=full)
            if finished:
                break
            deaths[moment] += 1
    return deaths


def test_a_charge_survives_death_at_every_moment(
    scene: Scene, figures: Callable[..., None], engine: str, *, full: bool
) -> None:
    names = DEEDS if full or engine == "sqlite" else ("charge", "refund")
    for name in names:
        deaths = sweep(scene, name, full=full)
        assert deaths["statement"] >= 3
        assert (deaths["asking"], deaths["asked"]) == (1, 1)
        figures(**{name: deaths.total()})
    findings = scene.database.read(wiring.audit)
    assert [finding for finding in findings if finding.violations] == []


MISTAKES: dict[mutants.Name, tuple[str, str]] = {
    "timeout is failure": ("reconcile", "charged, not recorded"),
    "called inside the transaction": ("charge", "charged, not recorded"),
    "settled without looking": ("charge", "no more than what was reserved"),
}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("mutant", MISTAKES)
def test_death_finds_a_mistake(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, mutant: mutants.Name
) -> None:
    name, said = MISTAKES[mutant]
    mutants.apply(mutant, monkeypatch)
    scene.mutant = mutant
    with pytest.raises((AssertionError, exc.DBAPIError), match=said):
        sweep(scene, name)
