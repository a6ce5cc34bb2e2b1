"""Fill a database with three made-up schools, under the numbers that the contract of schools shows.

Sixteen invoices in all its four states, and twelve payments; every name says that it is made up.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from tallystick.cli import opened
from tallystick.cli.demo import Play
from tallystick.cli.output import say
from tallystick.cli.scenes import UNIT, Invoiced, Payer, Received, Scene, Step, Voided
from tallystick.invoices.totals import Line
from tallystick.kernel import clock
from tallystick.kernel.alias_numbers import Block, Wanted
from tallystick.parties import across
from tallystick.parties.organizations import get_organization
from tallystick.payments.states import OfflineMethod
from tallystick.web.dialects.school_billing import numbers

TERMS_DAYS = 30


class _Paid(NamedTuple):
    days_ago: int
    amount: int
    method: OfflineMethod


class _Fee(NamedTuple):
    payer: str
    days_ago: int
    amount: int
    description: str
    paid: tuple[_Paid, ...] = ()
    void: bool = False


def _scene(
    slug: str,
    name: str,
    *,
    country: str,
    currency: str,
    payers: Sequence[str],
    fees: Sequence[_Fee],
) -> Scene:
    """Lay out a school; amounts are whole units of its currency."""
    steps: list[Step] = []
    for index, fee in enumerate(fees, start=1):
        key = f"fee-{index}"
        line = Line(fee.description, UNIT, fee.amount * 100, 0)
        steps.append(Invoiced(key, fee.days_ago, fee.payer, (line,), note=fee.description))
        steps += [
            Received(f"{key}-{part}", paid.days_ago, paid.amount * 100, paid.method, (key,))
            for part, paid in enumerate(fee.paid, start=1)
        ]
        if fee.void:
            steps.append(Voided(f"{key}-void", fee.days_ago - 1, key, "Issued by mistake (demo)"))
    return Scene(
        slug=slug,
        name=f"{name} (demo)",
        country=country,
        currency=currency,
        time_zone=clock.zones_by_country()[country],
        tax_id="DEMO",
        address={},
        terms_days=TERMS_DAYS,
        payers=tuple(
            Payer(name.split()[0].lower(), "student", f"{name} (demo)", "es") for name in payers
        ),
        steps=tuple(steps),
    )


def _scenes() -> tuple[Scene, ...]:
    mexico = (
        _Fee("ana", 90, 1500, "Tuition", (_Paid(80, 1000, "cash"), _Paid(70, 500, "cash"))),
        _Fee("ana", 60, 1500, "Tuition", (_Paid(50, 700, "bank_transfer"),)),
        _Fee("luis", 60, 2300, "Tuition"),
        _Fee("luis", 40, 800, "School trip", void=True),
        _Fee("marta", 30, 1200, "Tuition", (_Paid(20, 1200, "card_at_counter"),)),
        _Fee("marta", 10, 1200, "Tuition"),
    )
    colombia = (
        _Fee("pablo", 80, 450_000, "Tuition", (_Paid(75, 450_000, "bank_transfer"),)),
        _Fee(
            "pablo", 50, 450_000, "Tuition", (_Paid(45, 150_000, "cash"), _Paid(30, 99_000, "cash"))
        ),
        _Fee("rosa", 50, 380_000, "Tuition"),
        _Fee("rosa", 35, 90_000, "Books", void=True),
        _Fee("tomas", 25, 420_000, "Tuition", (_Paid(15, 420_000, "cheque"),)),
        _Fee("tomas", 5, 420_000, "Tuition"),
    )
    ecuador = (
        _Fee("elena", 70, 300, "Tuition", (_Paid(65, 200, "cash"), _Paid(60, 100, "other"))),
        _Fee("elena", 20, 300, "Tuition", (_Paid(10, 120, "card_at_counter"),)),
        _Fee("diego", 20, 250, "Tuition"),
        _Fee("diego", 15, 40, "Books", (_Paid(5, 15, "cash"),)),
    )
    return (
        _scene(
            "demo-colegio-mx",
            "Colegio Inventado Uno",
            country="MX",
            currency="MXN",
            payers=("Ana Inventada", "Luis Ficticio", "Marta Imaginaria"),
            fees=mexico,
        ),
        _scene(
            "demo-colegio-co",
            "Colegio Inventado Dos",
            country="CO",
            currency="COP",
            payers=("Pablo Inventado", "Rosa Ficticia", "Tomas Imaginario"),
            fees=colombia,
        ),
        _scene(
            "demo-colegio-ec",
            "Colegio Inventado Tres",
            country="EC",
            currency="USD",
            payers=("Elena Inventada", "Diego Ficticio"),
            fees=ecuador,
        ),
    )


def run() -> None:
    """Make the schools, or say that they are there."""
    now = clock.now()
    scenes = _scenes()
    with opened.database() as database:
        new = database.write(lambda conn: _make(conn, scenes, now))
    if not new:
        say("The demonstration schools are there already. Nothing was changed.")
        return
    say(
        "Made 3 schools, 8 students, 16 invoices and 12 payments. Serve them with "
        "`tallystick up --root-dialect school-billing`."
    )


def _make(conn: Connection, scenes: Sequence[Scene], now: datetime) -> int:
    # Held before anything else, as everybody does who writes numbers.
    blocks = {
        kind: Block(conn, numbers.NAME, kind)
        for kind in ("invoice", "payment", "school", "student")
    }
    wanted: dict[str, list[Wanted]] = {kind: [] for kind in blocks}
    new = 0
    for scene in scenes:
        play = Play(conn, scene, now)
        new += play.all()
        for kind, found in _played(conn, play).items():
            wanted[kind] += found
    for kind, found in wanted.items():
        numbered = [
            Wanted(each.organization_id, each.object_id, each.natural_key, number=number)
            for number, each in enumerate(found, start=1)
        ]
        blocks[kind].give(numbered, now)
    return new


def _played(conn: Connection, play: Play) -> dict[str, list[Wanted]]:
    place = play.organization_id
    keys = [(place, customer_id) for customer_id in play.payers.values()]
    customers = across.find_customers(conn, keys)
    paid: list[tuple[UUID, str]] = list(play.paid)
    return {
        "school": [numbers.wanted_school(get_organization(conn, place))],
        "student": [numbers.wanted_student(place, customers[key[1]]) for key in keys],
        "invoice": [Wanted(place, invoice_id) for invoice_id in play.invoices.values()],
        "payment": [
            Wanted(place, numbers.part_id(payment_id, play.invoices[key]))
            for payment_id, key in paid
        ],
    }
