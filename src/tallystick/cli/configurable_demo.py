"""Fill a database with what the contract of configurable payments shows: two unpaid invoices.

Invoices and customers have their numbers of the contract there, where nobody has them yet.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from tallystick.cli import opened
from tallystick.cli.demo import Play
from tallystick.cli.output import say
from tallystick.cli.scenes import UNIT, Invoiced, Payer, Scene
from tallystick.invoices.totals import Line
from tallystick.kernel import clock
from tallystick.kernel.alias_numbers import Block, Wanted
from tallystick.web.dialects.configurable_payments.numbers import CUSTOMER, INVOICE, NAME

_AMOUNTS: Final = {"first": 50_000, "second": 30_000}
_CUSTOMERS_FROM: Final = 101


def _scene() -> Scene:
    payers = tuple(Payer(key, "individual", f"The {key} payer (demo)") for key in _AMOUNTS)
    return Scene(
        slug="demo-configurable-payments",
        name="Configurable Payments (demo)",
        country="US",
        currency="USD",
        # The contract knows no time zone, and its days are those of everybody who reads it.
        time_zone="UTC",
        tax_id="DEMO",
        address={},
        terms_days=30,
        payers=payers,
        steps=tuple(
            Invoiced(key, 1, key, (Line("Service", UNIT, amount, 0),))
            for key, amount in _AMOUNTS.items()
        ),
    )


def run() -> None:
    """Make the customers and invoices, or say that they are there."""
    now = clock.now()
    with opened.database() as database:
        new = database.write(lambda conn: _make(conn, now))
    if not new:
        say("The demonstration of configurable payments is there already. Nothing was changed.")
        return
    say(
        "Made 2 customers and 2 invoices. Serve them with "
        "`tallystick up --root-dialect configurable-payments`."
    )


def _make(conn: Connection, now: datetime) -> int:
    # Held before anything else and in their order, as everybody does who writes numbers.
    customers, invoices = Block(conn, NAME, CUSTOMER), Block(conn, NAME, INVOICE)
    play = Play(conn, _scene(), now)
    new = play.all()

    def numbered(objects: Iterable[UUID], first: int) -> list[Wanted]:
        return [
            Wanted(play.organization_id, each, number=number)
            for number, each in enumerate(objects, start=first)
        ]

    customers.give(numbered(play.payers.values(), _CUSTOMERS_FROM), now)
    invoices.give(numbered(play.invoices.values(), 1), now)
    return new
