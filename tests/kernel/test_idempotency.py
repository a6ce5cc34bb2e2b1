"""One effect per key: in a batch, in the next one, and when twins run at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select

from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.drafting import CreateDraft, DeleteDraft, create_drafts, delete_drafts
from tallystick.invoices.issuing import IssueInvoice, IssueNew, issue_invoices, issue_new
from tallystick.kernel import events, idempotency, ids
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal, Refused
from tallystick.kernel.idempotency import KEYS, Answer
from tallystick.kernel.rows import Writes
from tallystick.parties.customers import create_customers
from tallystick.payments.recording import record_payments
from tests.factories import Books, Opening
from tests.kernel.conftest import Note

REUSED = "idempotency.key_reused"
NEW: dict[str, Callable[[Books], tuple[Any, Any]]] = {
    "create_customers": lambda books: (
        create_customers,
        books.customer_command(external_reference="R1"),
    ),
    "create_drafts": lambda books: (create_drafts, CreateDraft(books.act(), books.content())),
    "issue_new": lambda books: (issue_new, IssueNew(books.act(), books.content())),
    "issue_invoices": lambda books: (
        issue_invoices,
        IssueInvoice(books.act(), UUID(books.draft()["id"])),
    ),
    "record_payments": lambda books: (record_payments, books.payment(10_000, books.issued(10_000))),
    "void_invoices": lambda books: (
        void_invoices,
        VoidInvoice(books.act(), UUID(books.issued()["id"]), "wrong"),
    ),
    "delete_drafts": lambda books: (
        delete_drafts,
        DeleteDraft(books.act(), UUID(books.draft()["id"]), 1),
    ),
}
REFUSED: dict[str, Callable[[Books], tuple[Any, Any]]] = {
    "create_customers": lambda books: (create_customers, books.customer_command(email="nobody")),
    "issue_invoices": lambda books: (issue_invoices, IssueInvoice(books.act(), ids.new())),
    "record_payments": lambda books: (record_payments, books.payment(0, books.issued())),
}


@pytest.mark.parametrize("name", NEW)
def test_the_same_key_gets_the_same_answer(books: Books, name: str) -> None:
    use_case, command = NEW[name](books)
    first = books.done(use_case, command)
    before = books.snapshot()
    again = replace(command, act=replace(command.act, at=books.act().at))
    [answer] = books.answers(use_case, again)
    assert answer == Answer(first, replayed=True)
    assert not isinstance(answer.outcome, Refusal)
    assert list(answer.outcome) == list(first), "the members keep their order"
    after = books.snapshot()
    count, keys = after.pop("idempotency_key")
    count_before, keys_before = before.pop("idempotency_key")
    assert after == before
    assert count == count_before
    touched = [row for row in keys if row not in keys_before]
    [was] = [row for row in keys_before if row["act_key"] == command.act.key]
    assert touched == [{**was, "touched_at": again.act.at}]
    assert was["created_at"] == was["touched_at"] == command.act.at


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_kept_too(books: Books, name: str) -> None:
    use_case, command = REFUSED[name](books)
    first = books.refused(use_case, command)
    before = books.snapshot()
    assert books.answers(use_case, command) == [Answer(first, replayed=True)]
    assert books.snapshot() == before


def test_a_refusal_stands_though_its_reason_is_gone(books: Books) -> None:
    draft = books.draft(10_000)
    command = books.payment(10_000, draft)
    first = books.refused(record_payments, command)
    assert first.code == "invoice.not_payable"
    books.done(issue_invoices, IssueInvoice(books.act(), UUID(draft["id"])))
    assert books.answers(record_payments, command) == [Answer(first, replayed=True)]
    assert books.paid(10_000, draft)["allocated"] == 10_000


@pytest.mark.parametrize("name", ["create_customers", "record_payments"])
def test_another_request_under_a_key_is_refused(books: Books, name: str) -> None:
    use_case, command = NEW[name](books)
    first = books.done(use_case, command)
    before = books.snapshot()
    other = replace(command, act=books.act(key=command.act.key, body="another"))
    [answer] = books.answers(use_case, other)
    assert isinstance(answer.outcome, Refusal)
    assert (answer.outcome.code, answer.replayed) == (REUSED, False)
    assert books.snapshot() == before, "that refusal is not kept, and touches nothing"
    assert books.answers(use_case, command) == [Answer(first, replayed=True)]


@pytest.mark.parametrize("name", ["create_customers", "create_drafts", "record_payments"])
def test_a_key_twice_in_a_batch_has_one_effect(books: Books, name: str) -> None:
    use_case, command = NEW[name](books)
    before = books.snapshot()["idempotency_key"][0]
    other = replace(command, act=books.act(key=command.act.key, body="another"))
    first, twin, stranger = books.answers(use_case, command, command, other)
    assert not isinstance(first.outcome, Refusal)
    assert not first.replayed
    assert twin == Answer(first.outcome, replayed=True)
    assert isinstance(stranger.outcome, Refusal)
    assert stranger.outcome.code == REUSED
    assert books.snapshot()["idempotency_key"][0] == before + 1
    assert books.answers(use_case, command) == [twin]


def test_a_refused_twin_in_a_batch_is_refused_the_same(books: Books) -> None:
    command = books.payment(0, books.issued())
    first, twin = books.answers(record_payments, command, command)
    assert isinstance(first.outcome, Refusal)
    assert twin == Answer(first.outcome, replayed=True)


@pytest.mark.parametrize("name", NEW)
def test_twins_in_two_transactions_have_one_effect(
    books: Books,
    name: str,
    threads: ThreadPoolExecutor,
    connect: Callable[..., Database],
) -> None:
    use_case, command = NEW[name](books)
    before = books.snapshot()
    written, release = threading.Event(), threading.Event()

    def hold(conn: Connection) -> list[Answer[Any]]:
        answers: list[Answer[Any]] = use_case(conn, [command])
        written.set()
        assert release.wait(10)
        return answers

    first = threads.submit(connect().write, hold)
    assert written.wait(10)
    second = threads.submit(connect().write, lambda conn: use_case(conn, [command]))
    with pytest.raises(TimeoutError):
        second.result(0.15)
    release.set()
    [answer], [twin] = first.result(10), second.result(10)
    assert not isinstance(answer.outcome, Refusal)
    assert not answer.replayed
    assert twin == Answer(answer.outcome, replayed=True)
    after = books.snapshot()
    assert after["idempotency_key"][0] == before["idempotency_key"][0] + 1
    assert after["event"][0] == before["event"][0] + 1


def test_a_twin_takes_effect_when_the_first_one_is_taken_back(
    books: Books, threads: ThreadPoolExecutor, connect: Callable[..., Database]
) -> None:
    use_case, command = NEW["record_payments"](books)
    written, release = threading.Event(), threading.Event()

    def fail(conn: Connection) -> None:
        use_case(conn, [command])
        written.set()
        assert release.wait(10)
        raise RuntimeError

    first = threads.submit(connect().write, fail)
    assert written.wait(10)
    second = threads.submit(connect().write, lambda conn: use_case(conn, [command]))
    release.set()
    with pytest.raises(RuntimeError):
        first.result(10)
    [answer] = second.result(10)
    assert not answer.replayed
    assert answer.outcome["receipt_number"] == "REC-2026-000001"


def test_twenty_twins_at_once_have_one_effect(books: Books, threads: ThreadPoolExecutor) -> None:
    use_case, command = NEW["record_payments"](books)
    before = books.snapshot()["payment"][0]
    running = [threads.submit(books.answers, use_case, command) for _ in range(20)]
    answers = [answer for each in running for answer in each.result(20)]
    assert [answer.replayed for answer in answers].count(False) == 1
    assert all(answer.outcome == answers[0].outcome for answer in answers)
    assert books.snapshot()["payment"][0] == before + 1


def test_keys_that_look_alike_are_different_keys(books: Books) -> None:
    keys = [
        "A",
        "a",
        "é",
        "e",
        "e\u0301",
        "k",
        "k\u200b",
        "ß",
        "ss",
        "\uff21",
        "1",
        "01",
        "\u0131",
        "i",
    ]
    commands = [books.customer_command(act=books.act(key=key)) for key in keys]
    made = [books.done(create_customers, command) for command in commands]
    assert len({each["id"] for each in made}) == len(keys)
    again = books.answers(create_customers, *commands)
    assert again == [Answer(each, replayed=True) for each in made]
    stored = [row["act_key"] for row in books.snapshot()["idempotency_key"][1]]
    assert sorted(stored) == sorted(keys)


def test_the_longest_key_is_a_key(books: Books) -> None:
    key = "🎓" * idempotency.KEY_MAX
    command = books.customer_command(act=books.act(key=key))
    first = books.done(create_customers, command)
    assert books.answers(create_customers, command) == [Answer(first, replayed=True)]


def test_a_key_belongs_to_one_organization(books: Books, open_books: Opening) -> None:
    other = open_books()
    mine = books.customer(act=books.act(key="the same"))
    theirs = other.customer(act=other.act(key="the same"))
    assert mine["id"] != theirs["id"]


def test_what_fails_leaves_no_key(books: Books) -> None:
    command = books.customer_command(name="\ud800")
    before = books.snapshot()
    with pytest.raises(Exception, match=r"surrogates|UTF-8"):
        books.answers(create_customers, command)
    assert books.snapshot() == before


def test_what_a_refused_command_wrote_is_taken_back(books: Books) -> None:
    def handle(conn: Connection, command: Note) -> str:
        writes = Writes()
        events.emit(writes, command.act, "test.happened", ids.new(), {"text": command.text})
        writes.flush(conn)
        if command.text == "no":
            raise Refused("test.no", "No.")
        return command.text

    commands = [Note(books.act(), text) for text in ("one", "no", "two")]
    answers = books.database.write(lambda conn: idempotency.each(conn, commands, handle))
    assert answers == [Answer("one"), Answer(Refusal("test.no", "No.")), Answer("two")]
    told = [row["payload"] for row in books.snapshot()["event"][1]]
    assert told == [{"text": "one"}, {"text": "two"}]


def test_any_answer_comes_back_as_it_was(books: Books) -> None:
    outcomes: list[Any] = [
        {"amount": 10**15, "text": "ü🎓\n\"'\\", "none": None, "list": [1, {"a": True}]},
        *({}, [], "text", 0),
        Refusal("a.code", "“…” \u2028", "/pointer", {"due": "1.00", "n": 2**53, "no": None}),
        Refusal("a.code", ""),
    ]
    notes = [Note(books.act(), str(index)) for index in range(len(outcomes))]

    def handle(_conn: Connection, note: Note) -> Any:
        said = outcomes[int(note.text)]
        if isinstance(said, Refusal):
            raise Refused(said.code, said.detail, pointer=said.pointer, facts=said.facts)
        return said

    first = books.database.write(lambda conn: idempotency.each(conn, notes, handle))
    second = books.database.write(lambda conn: idempotency.each(conn, notes, handle))
    assert first == [Answer(each) for each in outcomes]
    assert second == [Answer(each, replayed=True) for each in outcomes]


def test_answers_are_rewritten_by_key(books: Books) -> None:
    for key in ("one", "two", "three"):
        books.customer(act=books.act(key=key))
    books.database.write(
        lambda conn: idempotency.rewrite(
            conn,
            books.organization_id,
            ["one", "three", "unknown"],
            lambda answered: {"id": "gone", "kind": answered["kind"]},
        )
    )
    stored = select(KEYS.c.act_key, KEYS.c.answer).where(
        KEYS.c.organization_id == books.organization_id
    )
    found = books.database.read(lambda conn: {row[0]: row[1] for row in conn.execute(stored)})
    assert found["one"] == found["three"] == {"done": {"id": "gone", "kind": "student"}}
    assert found["two"]["done"]["name"] == "Ann Example"
