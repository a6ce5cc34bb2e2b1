"""Files come in whole or not at all, and a second run doubles nothing."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tallystick.cli import importing
from tallystick.invoices.erasing import erase_customers
from tallystick.kernel import clock
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tallystick.parties.customers import EraseCustomer
from tallystick.wiring import audit
from tests.cli.conftest import Ended, Run

Tell = Callable[[str], list[tuple[Any, ...]]]
SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def tell(run: Run, migrated: str) -> Iterator[Tell]:
    """Return a way to ask a database with the demonstration in it, which is audited at the end."""
    assert run("demo").code == 0
    database = Database(migrated)

    def ask(words: str) -> list[tuple[Any, ...]]:
        return database.read(lambda conn: [tuple(row) for row in conn.execute(text(words))])

    yield ask
    findings = database.read(audit)
    database.close()
    assert {finding.id: finding.violations for finding in findings if finding.violations} == {}


@pytest.fixture
def taken(run: Run, tell: Tell) -> Callable[..., Ended]:
    """Return a way to write a file and import it."""
    assert tell("SELECT 1")

    def take(kind: str, words: str | bytes, *options: str, name: str = "file.csv") -> Ended:
        raw = words.encode() if isinstance(words, str) else words
        Path(name).write_bytes(raw)
        return run("import", kind, name, "--organization", "northfield", *options)

    return take


Take = Callable[..., Ended]
NEW = "SELECT name, email, address FROM customer WHERE external_reference LIKE 'N-%' ORDER BY 1"


def test_customers_are_made(taken: Take, tell: Tell) -> None:
    before = tell("SELECT count(*) FROM customer")[0][0]
    words = (
        "kind,name,email,external_reference,address_city\r\n"
        'student,"Ann, ""A"" Example",ann@example.com,N-1,Berlin\r\n'
        "\r\n"
        ",,,,\r\n"
        "corporate,=HYPERLINK(1),,N-2,\r\n"
    )
    ended = taken("customers", words)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == (
        "2 customers in 2 rows, 0 problems; 2 written, 0 were there from a run before.\n"
    )
    made = tell(NEW)
    assert [(row[0], row[1]) for row in made] == [
        ("=HYPERLINK(1)", None),
        ('Ann, "A" Example', "ann@example.com"),
    ]
    addresses = [json.loads(row[2]) if isinstance(row[2], str) else row[2] for row in made]
    assert addresses == [{}, {"city": "Berlin"}]
    assert tell("SELECT count(*) FROM customer") == [(before + 2,)]
    told = "SELECT count(*) FROM event WHERE type = 'customer.created'"
    assert tell(told) == [(before + 2,)]
    again = taken("customers", words)
    assert again.code == 0
    assert again.err.endswith("nothing was written, 2 were there from a run before.\n")
    assert tell("SELECT count(*) FROM customer") == [(before + 2,)]


@SQLITE
@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbfkind;name;external_reference\nstudent;Zo\xc3\xab, A;N-1\n",
        b'kind,name,external_reference\nstudent,"Zo\xc3\xab, A",N-1',
        b'name,kind,external_reference\r\n"Zo\xc3\xab, A",student,N-1\r\n\r\n',
    ],
)
def test_spellings_of_one_file(taken: Take, tell: Tell, raw: bytes) -> None:
    assert taken("customers", raw).code == 0
    assert [row[0] for row in tell(NEW)] == ["Zoë, A"]


CONTROL = "There is a control character in this text, such as a line break or NUL. Remove it."
EMAIL = "This is not an e-mail address in ASCII. Use one such as name@example.com."
TAKEN = "Another customer of this organization has this external reference."


@SQLITE
def test_every_bad_row_is_listed_and_nothing_is_written(taken: Take, tell: Tell) -> None:
    before = tell("SELECT (SELECT count(*) FROM customer), (SELECT count(*) FROM idempotency_key)")
    words = (
        "kind,name,email,external_reference,language\n"
        "student,Ann,ann@example.com,N-1,en\n"
        "pupil,Ben,ben@example.com,N-2,en\n"
        "student,,ben@example.com,N-3,en\n"
        'student,"Cleo\nTesterly",x,N-4,english!\n'
        "student,Dan,nobody,N-5,en\n"
        "student,Eva,eva@example.com,N-1,en\n"
        "student,Finn,finn@example.com,demo-ada,en\n"
        "student,Grace\n"
    )
    for options in ((), ("--dry-run",)):
        ended = taken("customers", words, *options)
        assert ended.code == 1
        assert ended.out.splitlines() == [
            "line 3, kind: Write one of 'student', 'individual' or 'corporate'.",
            "line 4, name: This is required.",
            "line 5, language: Write the tag of a language (BCP 47), such as es or pt-BR.",
            f"line 5, name: {CONTROL}",
            f"line 7, email: {EMAIL}",
            f"line 8, external_reference: {TAKEN}",
            f"line 9, external_reference: {TAKEN}",
            "line 10: There are 2 cells where the first line names 5 columns.",
        ]
        assert ended.err.endswith(
            "8 problems; nothing was written, 0 were there from a run before.\n"
        )
    after = tell("SELECT (SELECT count(*) FROM customer), (SELECT count(*) FROM idempotency_key)")
    assert after == before
    partial = taken("customers", words, "--partial", "--json")
    assert partial.code == 1
    assert (partial.json["written"], len(partial.json["problems"])) == (1, 8)
    assert partial.json["problems"][0] == {
        "line": 3,
        "column": "kind",
        "detail": "Write one of 'student', 'individual' or 'corporate'.",
        "code": "request.invalid",
    }
    assert [row[0] for row in tell(NEW)] == ["Ann"]


@SQLITE
@pytest.mark.parametrize(
    ("name", "raw", "says", "code"),
    [
        ("f.txt", b"x", "f.txt is neither .csv nor .jsonl.", 2),
        ("f.csv", b"kind,name\nstudent,\xff\n", "f.csv is not UTF-8, first in line 2.", 2),
        ("f.csv", b"kind,name\n" + b"x" * (64 * 2**20), "f.csv has more than 64 MiB.", 2),
        ("f.csv", b"kind,name\n" + b"student,A\n" * 100_001, "more than 100000 rows.", 2),
        ("f.csv", b"kind,nam\n", "line 1, nam: There is no such column.", 1),
        ("f.csv", b"kind,name,name\n", "line 1, name: This column stands twice.", 1),
        ("f.csv", b"kind\n", "line 1, name: This column is missing.", 1),
        ("f.csv", b"", "line 1, kind: This column is missing.", 1),
        ("f.csv", b'kind,name\nstudent,"A\n', "line 2: This cannot be read as CSV", 1),
        ("f.csv", b"kind,name\nstudent," + b"A" * 10_001, "line 2: This cannot be read as CSV", 1),
        (
            "f.jsonl",
            b'{"kind": "student", "kind": "student"}',
            "line 1: This line cannot be read: an object names a member twice.",
            1,
        ),
        ("f.jsonl", b"kind,name", "line 1: This line is not JSON from its character 1 on.", 1),
        ("f.jsonl", b'{"kind": NaN}', "line 1: This line is not JSON from its character 10", 1),
        ("f.jsonl", b"\n[]\n", "line 2: Write an object on each line.", 1),
    ],
)
def test_files_that_cannot_be_read(
    taken: Take, name: str, raw: bytes, says: str, code: int
) -> None:
    ended = taken("customers", raw, name=name)
    assert ended.code == code
    assert says in ended.out + ended.err


PARTLY = {
    "customers": (
        "kind,name,email,external_reference\n"
        "student,Ann,ann@example.com,N-1\n"
        "pupil,Ben,ben@example.com,N-2\n"
        "student,Cleo,cleo@example.com,demo-ada\n"
    ),
    "invoices": (
        "invoice,customer,issue,issue_date,description,unit_price\n"
        "a,demo-ada,true,,Tuition,450.00\n"
        "b,nobody,true,,Tuition,450.00\n"
        "c,demo-ada,true,2199-01-01,Tuition,450.00\n"
    ),
}
AGAIN = "It is not tried again from this file: correct it, and import it from a new one."
ANSWER = "SELECT answer FROM idempotency_key WHERE act_key LIKE 'import:%'"


@pytest.mark.parametrize(
    ("kind", "codes", "told"),
    [
        (
            "customers",
            {3: "request.invalid", 4: "customer.reference_taken"},
            ["line 3, kind: Write one of 'student', 'individual' or 'corporate'."],
        ),
        (
            "invoices",
            {3: "customer.unknown", 4: "invoice.date_in_future"},
            ["line 3, customer: There is no customer “nobody” in this organization."],
        ),
    ],
)
def test_what_was_left_out_is_told_again(
    taken: Take, tell: Tell, kind: str, codes: dict[int, str], told: list[str]
) -> None:
    first = taken(kind, PARTLY[kind], "--partial", "--json")
    assert (first.code, first.json["written"], first.json["written_before"]) == (1, 1, 0)
    assert {each["line"]: each["code"] for each in first.json["problems"]} == codes
    count = f"SELECT count(*) FROM {kind.removesuffix('s')}"
    before = tell(count)
    again = taken(kind, PARTLY[kind], "--partial")
    assert again.code == 1
    assert again.out.splitlines() == [
        *told,
        f"line 4: A run before left this out ({codes[4]}). {AGAIN}",
    ]
    assert again.err.endswith("2 problems; nothing was written, 1 were there from a run before.\n")
    assert tell(count) == before
    [(kept,)] = tell(ANSWER)
    kept = json.loads(kept) if isinstance(kept, str) else kept
    left_out = [{"line": line, "code": code} for line, code in codes.items()]
    assert kept == {"done": {"made": 1, "left_out": left_out}}, "and no value of a person"


@SQLITE
def test_what_a_run_before_wrote_is_fine_whatever_changed_since(
    taken: Take, tell: Tell, migrated: str
) -> None:
    assert taken("invoices", PARTLY["invoices"], "--partial").code == 1
    database = Database(migrated)
    renamed = "UPDATE customer SET external_reference = 'A-1' WHERE external_reference = 'demo-ada'"
    database.write(lambda conn: conn.execute(text(renamed)))
    database.close()
    again = taken("invoices", PARTLY["invoices"], "--json")
    assert [each["line"] for each in again.json["problems"]] == [3, 4]
    assert (again.json["written"], again.json["written_before"]) == (0, 1)
    assert tell("SELECT count(*) FROM customer WHERE external_reference = 'A-1'")[0][0] == 1


@SQLITE
def test_the_answer_of_a_version_before_says_how_many(
    taken: Take, tell: Tell, migrated: str
) -> None:
    assert taken("customers", PARTLY["customers"], "--partial").code == 1
    database = Database(migrated)
    older = (
        "UPDATE idempotency_key SET answer = '{\"done\": {\"made\": 1}}' WHERE act_key LIKE 'i%'"
    )
    assert database.write(lambda conn: conn.execute(text(older)).rowcount) == 1
    database.close()
    again = taken("customers", PARTLY["customers"], "--partial")
    assert again.code == 1
    said = "A run before left out 1 from here on that look right, and did not keep which."
    assert again.out.splitlines()[0] == f"line 2: {said} {AGAIN}"
    assert again.err.endswith("nothing was written, 1 were there from a run before.\n")
    assert [row[0] for row in tell(NEW)] == ["Ann"]


@SQLITE
@pytest.mark.parametrize("rewritten", [False, True])
def test_a_customer_of_the_file_may_be_erased_meanwhile(
    taken: Take, tell: Tell, migrated: str, *, rewritten: bool
) -> None:
    assert taken("customers", PARTLY["customers"], "--partial").code == 1
    [(place, ann)] = tell(
        "SELECT organization_id, id FROM customer WHERE external_reference = 'N-1'"
    )
    act = Act(OPERATOR, UUID(place), clock.now(), "erasing", "erasing")
    database = Database(migrated)
    database.write(lambda conn: erase_customers(conn, [EraseCustomer(act, UUID(ann))]))
    if rewritten:  # as versions before did
        older = 'UPDATE idempotency_key SET answer = \'{"done": {"id": "x"}}\''
        database.write(lambda conn: conn.execute(text(f"{older} WHERE act_key LIKE 'import:%'")))
    database.close()
    again = taken("customers", PARTLY["customers"], "--json")
    assert again.code == 1
    told = [each["line"] for each in again.json["problems"]]
    assert told == ([3] if rewritten else [3, 4])
    assert again.json["written_before"] == (2 if rewritten else 1)
    assert tell("SELECT count(*) FROM customer WHERE external_reference = 'N-1'") == [(0,)]


AUTUMN = (
    "invoice,customer,issue,issue_date,reference,terms_days,description,quantity,unit_price,"
    "tax_rate,discount_percent,invoice_discount_fixed\n"
    "a,demo-ada,true,,PO-1,14,Tuition,1,450.00,0,,10.00\n"
    "b,demo-ben,,,,,Draft,,5.00,,,\n"
    "a,,,,,,Lunch,20,5.50,10,50,\n"
)
MADE = (
    "SELECT c.external_reference, i.status, i.total, i.due_date IS NULL, "
    "(SELECT count(*) FROM invoice_line l WHERE l.invoice_id = i.id) FROM invoice i "
    "JOIN customer c ON c.id = i.customer_id WHERE i.created_at = "
    "(SELECT max(created_at) FROM invoice) ORDER BY 1"
)


def test_rows_form_invoices(taken: Take, tell: Tell) -> None:
    ended = taken("invoices", AUTUMN)
    assert (ended.out, ended.code) == ("", 0)
    # 450.00 + 20 x 5.50 less a half, less 10.00 in proportion, and 10 % on the lunches' part:
    # 505.00 - 10.00 + 10 % of 53.91.
    made = [(*row[:3], bool(row[3]), row[4]) for row in tell(MADE)]
    assert made == [("demo-ada", "open", 500_39, False, 2), ("demo-ben", "draft", 5_00, True, 1)]
    [(number,)] = tell("SELECT max(number) FROM invoice WHERE series = 'INV'")
    again = taken("invoices", AUTUMN)
    assert again.err.endswith("nothing was written, 2 were there from a run before.\n")
    assert tell("SELECT max(number) FROM invoice WHERE series = 'INV'") == [(number,)]


@SQLITE
def test_invoices_by_lines_of_json(taken: Take, tell: Tell) -> None:
    [(payer,)] = tell("SELECT id FROM customer WHERE external_reference = 'demo-ada'")
    item = {"lines": [{"description": "Tuition", "unit_price": "450.00"}], "issue": True}
    lines = [{**item, "customer": "demo-ben"}, {**item, "customer_id": payer}]
    words = "\n".join(json.dumps(line) for line in lines)
    ended = taken("invoices", words, "--json", name="file.jsonl")
    assert ended.code == 0
    assert ended.json == {
        "rows": 2,
        "invoices": 2,
        "written": 2,
        "written_before": 0,
        "problems": [],
    }
    assert [row[0] for row in tell(MADE)] == ["demo-ada", "demo-ben"]


@SQLITE
def test_what_is_wrong_with_invoices(taken: Take, tell: Tell) -> None:
    before = tell("SELECT (SELECT count(*) FROM invoice), (SELECT sum(last) FROM counter)")
    words = (
        "invoice,customer,issue,issue_date,terms_days,description,quantity,unit_price,tax_rate,series\n"
        "a,demo-ada,true,,,Tuition,1,450.00,0,\n"
        "b,nobody,true,,,Tuition,1,450.00,0,\n"
        'c,demo-ada,yes,,ten,Tuition,"1,5",450.00,0,\n'
        "d,demo-ada,true,,,Tuition,1,450.00,0,\n"
        "d,demo-ben,true,,,Tuition,1,450.00,0,\n"
        "e,demo-ada,true,2199-01-01,,Tuition,1,450.00,0,\n"
        "f,demo-ada,,,,Tuition,1,450.005,0,\n"
        "f,demo-ada,,,,Tuition,1,1,0,\n"
        "g,demo-ada,true,,,Tuition,1,0.00,0,\n"
        ",demo-ada,true,,,Tuition,1,1.00,0,\n"
        "h,demo-ada,,2026-01-01,,Tuition,1,1.00,0,\n"
        "i,demo-ada,true,,,Tuition,1,1.00,0,CN\n"
    )
    ended = taken("invoices", words)
    assert ended.code == 1
    found = [line.partition(":")[0] for line in ended.out.splitlines()]
    assert found == [
        "line 3, customer",
        "line 4, issue",
        "line 4, terms_days",
        "line 6, customer",
        "line 7, issue_date",
        "line 8, unit_price",
        "line 10",
        "line 11, invoice",
        "line 12, issue_date",
        "line 13, series",
    ]
    after = tell("SELECT (SELECT count(*) FROM invoice), (SELECT sum(last) FROM counter)")
    assert after == before


DYING = """
import os, signal, sys
from tallystick.cli import importing, main

importing.CHUNK_ROWS = 10
write, times = importing._Plan._write, []

def killed(*arguments):
    times.append(1)
    write(*arguments)
    if len(times) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

importing._Plan._write = killed
main()
"""
"""The command, which is killed when it has written its third chunk and not committed it."""


@pytest.mark.parametrize("kind", ["customers", "invoices"])
def test_a_killed_import_goes_on_where_it_stopped(
    run: Run, tell: Tell, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", 10)
    rows = {
        "customers": ["kind,name,external_reference"]
        + [f"student,Number {number},N-{number}" for number in range(35)],
        "invoices": ["invoice,customer,issue,description,unit_price"]
        + [f"{number},demo-ada,true,Number {number},1.00" for number in range(35)],
    }[kind]
    table = kind.removesuffix("s")
    [(before,)] = tell(f"SELECT count(*) FROM {table}")
    Path("file.csv").write_text("\n".join(rows), encoding="utf-8")
    arguments = ["import", kind, "file.csv", "--organization", "northfield"]
    died = subprocess.run([sys.executable, "-c", DYING, *arguments], check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert tell(f"SELECT count(*) FROM {table}") == [(before + 20,)]
    ended = run("import", kind, "file.csv", "--organization", "northfield", "--json")
    assert (ended.code, ended.json["written"], ended.json["written_before"]) == (0, 15, 20)
    assert tell(f"SELECT count(*) FROM {table}") == [(before + 35,)]


@SQLITE
def test_another_organization_imports_the_same_file(run: Run, taken: Take, tell: Tell) -> None:
    words = "kind,name,external_reference\nstudent,Ann,N-1\n"
    assert taken("customers", words).code == 0
    assert run("import", "customers", "file.csv", "--organization", "hoshi").code == 0
    assert [row[0] for row in tell(NEW)] == ["Ann", "Ann"]
    assert run("import", "customers", "file.csv", "--organization", "nobody").code == 3
