"""Outside programs read our books and come to our balances, to the minor unit."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tallystick.invoices.totals import Line
from tallystick.kernel.database import Database
from tallystick.kernel.rows import Writes
from tallystick.ledger import balances, journal_export
from tallystick.ledger.journal_export import Format, journal
from tallystick.ledger.posting import Entry, Leg, post
from tallystick.wiring import audit
from tests import outside
from tests.factories import Books, Opening
from tests.ledger.history import KINDS, History

SEED = 20260302
OPERATIONS = {"sqlite": 2_000, "postgresql": 500, "mariadb": 500}
OPERATIONS_FULL = 5_000


@pytest.fixture
def own(migrated_url: str) -> Iterator[Books]:
    """Return books in a database of their own, since large ones would slow every later audit."""
    database = Database(migrated_url)
    yield Opening(database)()
    database.close()


def exported(books: Books, path: Path, form: Format, *, name: str = "North School") -> Path:
    """Write the books to a file."""

    def write(conn: Connection) -> str:
        found = journal(conn, books.organization_id, name=name, form=form)
        return "".join(line + "\n" for line in found)

    path.write_text(books.database.read_snapshot(write), encoding="utf-8")
    return path


def held(books: Books) -> outside.Held:
    found = books.read(balances.balances)
    return {(each["account"], each["currency"]): each["balance"] for each in found}


def judged(books: Books, folder: Path) -> None:
    """Let both programs check the books and add them up."""
    expected = held(books)
    beancount = exported(books, folder / "books.beancount", "beancount")
    outside.bean_check(beancount)
    assert outside.beancount_balances(beancount) == expected
    hledger = exported(books, folder / "books.journal", "hledger")
    outside.hledger_check(hledger)
    assert outside.hledger_balances(hledger) == expected


def test_a_long_history_is_read_by_both_programs(
    own: Books, engine: str, tmp_path: Path, *, full: bool
) -> None:
    operations = OPERATIONS_FULL if full else OPERATIONS[engine]
    history = History(own, SEED)
    history.run(operations)
    assert {kind for kind, count in history.done.items() if count} == KINDS
    assert history.done.total() >= operations
    findings = own.database.read(audit)
    assert {finding.id: finding.violations for finding in findings if finding.violations} == {}
    assert {currency for _, currency in held(own)} == {"CLF", "EUR", "JPY", "KWD"}
    judged(own, tmp_path)


def test_the_size_of_a_chunk_changes_nothing(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for amount in range(1, 21):
        # Some days have several entries, some documents several lines.
        books.act.now += timedelta(hours=5)
        lines = (Line("Tuition", 1_000_000, amount, 190_000),) * (amount % 3 + 1)
        books.paid(amount, books.issued(lines=lines))
    whole = exported(books, tmp_path / "whole", "beancount").read_text()
    for chunk in (1, 2, 7, 100):
        monkeypatch.setattr(journal_export, "CHUNK_ROWS", chunk)
        assert exported(books, tmp_path / "chunks", "beancount").read_text() == whole
    assert whole.count(" * ") >= 40


@pytest.fixture
def small(books: Books) -> Books:
    """Return books with two entries, one account of which stands below another."""
    writes = Writes()
    for day, currency, legs in (
        (1, "EUR", [("Assets:Cash", 105), ("Income:Sales", -105)]),
        (2, "JPY", [("Assets:Cash:Box", 7), ("Assets:Cash", -7)]),
    ):
        entry = Entry("test.booked", date(2026, 3, day), currency, [Leg(*leg) for leg in legs])
        post(writes, books.act(), entry)
    books.database.write(writes.flush)
    return books


def test_the_lines_of_a_beancount_file(small: Books, tmp_path: Path) -> None:
    path = exported(
        small, tmp_path / "b", "beancount", name="North\n2026-01-01 open \u2028X\t\u202eY"
    )
    lines = [line for line in path.read_text().split("\n") if "entry:" not in line]
    assert lines == [
        "; North 2026-01-01 open X Y",
        "; The books as Tallystick keeps them; customers are codes.",
        'option "operating_currency" "EUR"',
        'option "operating_currency" "JPY"',
        "",
        "2026-03-01 open Assets:Cash EUR,JPY",
        "2026-03-02 open Assets:Cash:Box JPY",
        "2026-03-01 open Income:Sales EUR",
        "",
        '2026-03-01 * "test.booked"',
        "  Assets:Cash  1.05 EUR",
        "  Income:Sales  -1.05 EUR",
        "",
        '2026-03-02 * "test.booked"',
        "  Assets:Cash:Box  7 JPY",
        "  Assets:Cash  -7 JPY",
        "",
        "2026-03-03 balance Assets:Cash  1.05 ~ 0 EUR",
        # The box is counted with the account above it, as that program does.
        "2026-03-03 balance Assets:Cash  0 ~ 0 JPY",
        "2026-03-03 balance Assets:Cash:Box  7 ~ 0 JPY",
        "2026-03-03 balance Income:Sales  -1.05 ~ 0 EUR",
        "",
    ]
    judged(small, tmp_path)


def test_the_lines_of_an_hledger_journal(small: Books, tmp_path: Path) -> None:
    path = exported(small, tmp_path / "h", "hledger")
    lines = [line.partition("  ; entry:")[0] for line in path.read_text().split("\n")]
    assert lines == [
        "; North School",
        "; The books as Tallystick keeps them; customers are codes.",
        "decimal-mark .",
        "commodity 1000.00 EUR",
        "commodity 1000. JPY",
        "",
        "account Assets:Cash  ; since:2026-03-01",
        "account Assets:Cash:Box  ; since:2026-03-02",
        "account Income:Sales  ; since:2026-03-01",
        "",
        "2026-03-01 * test.booked",
        "    Assets:Cash  1.05 EUR",
        "    Income:Sales  -1.05 EUR",
        "",
        "2026-03-02 * test.booked",
        "    Assets:Cash:Box  7 JPY",
        "    Assets:Cash  -7 JPY",
        "",
        "",
        "2026-03-03 * balance",
        "    Assets:Cash  0.00 EUR = 1.05 EUR",
        "    Assets:Cash  0 JPY = -7 JPY",
        "",
        "2026-03-03 * balance",
        "    Assets:Cash:Box  0 JPY = 7 JPY",
        "",
        "2026-03-03 * balance",
        "    Income:Sales  0.00 EUR = -1.05 EUR",
        "",
    ]


def test_documents_can_be_found_again(books: Books, tmp_path: Path) -> None:
    invoice = books.issued(10_000)
    payment = books.paid(10_000, invoice)
    beancount = exported(books, tmp_path / "b", "beancount").read_text()
    assert beancount.count(f'  entry: "{invoice["id"]}"\n') == 1
    assert beancount.count(f'    invoice: "{invoice["id"]}"\n') == 2
    assert beancount.count(f'  payment: "{payment["id"]}"\n') == 1
    hledger = exported(books, tmp_path / "h", "hledger").read_text()
    assert hledger.count(f"  ; invoice:{invoice['id']}\n") == 2
    assert hledger.count(f"  ; entry:{payment['id']}, payment:{payment['id']}\n") == 1


@pytest.mark.parametrize("form", ["beancount", "hledger"])
def test_books_without_an_entry(books: Books, tmp_path: Path, form: Format) -> None:
    path = exported(books, tmp_path / "empty", form)
    assert " * " not in path.read_text()
    judged(books, tmp_path)


@pytest.mark.parametrize("form", ["beancount", "hledger"])
def test_a_tampered_amount_is_found_outside(small: Books, tmp_path: Path, form: Format) -> None:
    path = exported(small, tmp_path / "books", form)
    check = outside.bean_check if form == "beancount" else outside.hledger_check
    check(path)
    # One cent more on both sides: each entry balances still, and the balances at the end do not.
    entries, mark, closing = path.read_text().partition("2026-03-03")
    path.write_text(entries.replace("1.05 EUR", "1.06 EUR") + mark + closing)
    with pytest.raises(AssertionError):
        check(path)
