"""Statements on the command line."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from tallystick.kernel.database import Database
from tests.cli.conftest import Run
from tests.factories import Books, Opening

YEAR = ("--from", "2026-01-01", "--to", "2026-12-31")


@pytest.fixture
def stated(migrated: str) -> Books:
    """Return books of a customer who owes 70.00 and of another who owes 1,000 yen."""
    books = Opening(Database(migrated))(slug="northfield")
    customer = books.customer(external_reference="S-1")
    when = datetime(2026, 3, 2, 9, tzinfo=UTC)
    invoice = books.issued(10_000, customer_id=UUID(customer["id"]), at=when)
    books.paid(3_000, invoice, paid_on=date(2026, 3, 2))
    books.issued(1_000, currency="JPY", at=when)
    books.database.close()
    return books


@pytest.mark.usefixtures("stated")
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_table_for_a_person(run: Run) -> None:
    ended = run("statement", "--organization", "northfield", "--customer", "S-1", *YEAR)
    assert ended.code == 0
    words = "Statement of Ann Example at northfield from 2026-01-01 to 2026-12-31\n"
    assert ended.err == words
    assert ended.out.splitlines() == [
        "",
        "date        kind             number            debit  credit  balance",
        "            opening balance                                      0.00",
        "2026-03-02  invoice.issued   INV-2026-000001  100.00           100.00",
        "2026-03-02  payment.settled  REC-2026-000001           30.00    70.00",
        "            closing balance  EUR                                70.00",
    ]


def test_json_for_a_program(run: Run, stated: Books) -> None:
    ended = run("statement", "--organization", "northfield", *YEAR, "--json")
    assert (ended.code, ended.err) == (0, "")
    document = ended.json
    assert (document["customer_id"], document["from"], document["to"]) == (
        *(None, "2026-01-01"),
        "2026-12-31",
    )
    assert [
        (block["currency"], block["closing_balance"], len(block["data"]))
        for block in document["blocks"]
    ] == [("EUR", "70.00", 2), ("JPY", "1000", 1)]
    one = run(
        *("statement", "--organization", "northfield", "--as-of", "2026-03-01", "--json"),
        *("--customer", str(stated.payer)),
    ).json
    assert (one["from"], one["to"]) == ("2026-01-01", "2026-03-01")
    assert one["blocks"][0]["closing_balance"] == "0"


@pytest.mark.usefixtures("stated")
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--organization", "nobody"), 3),
        (("--organization", "northfield", "--customer", "S-2"), 3),
        (("--organization", "northfield", "--from", "2026-05-01", "--to", "2026-04-01"), 2),
        (("--organization", "northfield", "--from", "yesterday"), 2),
    ],
)
def test_what_cannot_be_stated(run: Run, arguments: tuple[str, ...], code: int) -> None:
    ended = run("statement", *arguments)
    assert (ended.code, ended.out) == (code, "")


@pytest.mark.usefixtures("stated")
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_every_page_is_printed(run: Run) -> None:
    whole = run("statement", "--organization", "northfield", *YEAR, "--json").json
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tallystick.cli.stating.LIMIT_MAX", 1)
        assert run("statement", "--organization", "northfield", *YEAR, "--json").json == whole
