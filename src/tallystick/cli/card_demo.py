"""Fill a database with what the contract of card invoices shows: five customers, five invoices.

The customers have the numbers 1 to 5 there, where nobody has them yet.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from tallystick.cli import opened
from tallystick.cli.demo import Play
from tallystick.cli.output import say
from tallystick.cli.scenes import UNIT, Invoiced, Payer, Received, Scene, Step, Voided
from tallystick.invoices.totals import Line
from tallystick.kernel import clock
from tallystick.kernel.alias_numbers import Block, Wanted
from tallystick.web.dialects.card_invoices.invoices import CUSTOMER, NAME

_PAYERS: Final = (
    ("john", "John Doe", "john.doe@example.com"),
    ("jane", "Jane Smith", "jane.smith@example.com"),
    ("seth", "Seth Hall", "seth.hall@paymark.co.nz"),
    ("amanda", "Amanda Lee", "amanda.lee@paymark.co.nz"),
    ("robert", "Robert Smith", "rob.smith@email.com"),
)
_JOBS: Final = (
    ("john", "Website Development", 45_075, "PAID"),
    ("john", "Graphic Design Service", 22_050, "PAID"),
    ("seth", "SEO Optimization", 17_500, "PENDING"),
    ("amanda", "Software License Fee", 9_999, "CANCELLED"),
    ("seth", "Consultation Service", 30_025, "PENDING"),
)


def _scene() -> Scene:
    steps: list[Step] = []
    for index, (payer, description, amount, status) in enumerate(_JOBS, start=1):
        key, days_ago = f"job-{index}", 60 - 10 * index
        steps.append(Invoiced(key, days_ago, payer, (Line(description, UNIT, amount, 0),)))
        if status == "PAID":
            paid = Received(f"{key}-paid", days_ago - 1, amount, "card_at_counter", (key,))
            steps.append(paid)
        elif status == "CANCELLED":
            steps.append(Voided(f"{key}-void", days_ago - 1, key, "Cancelled (demo)"))
    return Scene(
        slug="demo-card-invoices",
        name="Card Invoices (demo)",
        country="NZ",
        currency="NZD",
        time_zone=clock.zones_by_country()["NZ"],
        tax_id="DEMO",
        address={},
        terms_days=30,
        payers=tuple(Payer(key, "individual", name, email=email) for key, name, email in _PAYERS),
        steps=tuple(steps),
    )


def run() -> None:
    """Make the customers and invoices, or say that they are there."""
    now = clock.now()
    with opened.database() as database:
        new = database.write(lambda conn: _make(conn, now))
    if not new:
        say("The demonstration card invoices are there already. Nothing was changed.")
        return
    say(
        "Made 5 customers, 5 invoices and 2 payments. Serve them with "
        "`tallystick up --root-dialect card-invoices`."
    )


def _make(conn: Connection, now: datetime) -> int:
    # Held before anything else, as everybody does who writes numbers.
    block = Block(conn, NAME, CUSTOMER)
    play = Play(conn, _scene(), now)
    new = play.all()
    wanted = [
        Wanted(play.organization_id, customer_id, number=number)
        for number, customer_id in enumerate(play.payers.values(), start=1)
    ]
    block.give(wanted, now)
    return new
