"""Who did what: in the order of time, page by page, with what a change changed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from tallystick.auth.api_keys import RevokeKey, make_key, revoke_keys, rotate_key
from tallystick.auth.audit_trail import EntryDocument, Wanted, list_entries
from tallystick.auth.credentials import Minted, create_key
from tallystick.auth.invitations import (
    CreateInvitation,
    RevokeInvitation,
    create_invitations,
    revoke_invitations,
)
from tallystick.auth.models import USERS
from tallystick.auth.payer_links import RevokePayerLink, revoke_payer_links
from tallystick.auth.personal_tokens import revoke_all
from tallystick.invoices.erasing import erase_customers
from tallystick.invoices.linking import CreatePayerLink, create_payer_links
from tallystick.kernel import clock, events, ids
from tallystick.kernel.actor import Act, Actor
from tallystick.kernel.paging import Place
from tallystick.kernel.rows import Writes
from tallystick.parties.customers import ChangeCustomer, EraseCustomer, change_customers
from tests.factories import START, Books, Opening
from tests.people import login, personal_token


def _page(
    books: Books,
    wanted: Wanted | None = None,
    *,
    after: Place | None = None,
    limit: int = 100,
    of: UUID | None = None,
) -> tuple[list[EntryDocument], Place | None]:
    place = of or books.organization_id
    return books.database.read(
        lambda conn: list_entries(conn, place, wanted or Wanted(), after=after, limit=limit)
    )


def _kinds(books: Books, wanted: Wanted | None = None) -> list[str]:
    return [entry["type"] for entry in _page(books, wanted)[0]]


def _emit(books: Books, act: Act, kind: str, subject: UUID, *, once: bool = False) -> None:
    writes = Writes()
    events.emit(writes, act, kind, subject, {"n": 1}, once=once)
    books.database.write(writes.flush)


def test_an_entry_tells_everything(books: Books) -> None:
    customer_id = UUID(books.customer()["id"])
    plain = books.act()
    act = Act(
        actor=plain.actor,
        organization_id=plain.organization_id,
        at=plain.at,
        key=plain.key,
        fingerprint=plain.fingerprint,
        request_id="a-request",
        address="192.0.2.7",
        reason="Asked for by telephone",
    )
    books.done(change_customers, ChangeCustomer(act, customer_id, 1, {"phone": "1", "name": "A"}))
    entry = _page(books)[0][0]
    assert UUID(entry["id"]).version == 7
    assert {**entry, "id": ""} == {
        "id": "",
        "type": "customer.changed",
        "at": clock.text(act.at),
        "actor": {"kind": "operator", "id": str(ids.NIL), "name": None},
        "address": "192.0.2.7",
        "reason": "Asked for by telephone",
        "request_id": "a-request",
        "subject_id": str(customer_id),
        "facts": {"customer_id": str(customer_id)},
        "before": {"phone": "+49 30 123456", "name": "Ann Example"},
        "after": {"phone": "1", "name": "A"},
    }


def test_newest_first_also_where_ids_do_not_tell_the_time(books: Books) -> None:
    subjects = [ids.new() for _ in range(8)]
    for number, subject in enumerate(subjects):
        _emit(books, books.act(), f"test.t{number}", subject, once=number % 2 == 0)
    assert _kinds(books) == [f"test.t{number}" for number in reversed(range(8))]


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_leave_nothing_out_and_repeat_nothing(books: Books, limit: int) -> None:
    # Most of them at the same moment, as those of an import are.
    for number in range(10):
        at = START + timedelta(minutes=number // 4)
        _emit(books, books.act(at=at), f"test.t{number}", ids.new(), once=number % 2 == 0)
    whole = [entry["id"] for entry in _page(books)[0]]
    assert len(set(whole)) == 10
    found: list[str] = []
    after: Place | None = None
    while True:
        page, after = _page(books, after=after, limit=limit)
        found += [entry["id"] for entry in page]
        if after is None:
            break
        # What happens meanwhile stands before, so no page shifts.
        _emit(books, books.act(at=START + timedelta(hours=1)), "test.later", ids.new())
    assert found == whole


def test_what_it_is_narrowed_to(books: Books, open_books: Opening) -> None:
    elsewhere = open_books()
    somebody = Actor("user", ids.new(), "owner", None)
    first, second = ids.new(), ids.new()
    for books_of, actor, kind, subject in (
        (books, None, "test.one", first),
        (books, somebody, "test.two", first),
        (books, somebody, "test.one", second),
        (elsewhere, somebody, "test.one", first),
    ):
        act = books_of.act()
        if actor is not None:
            act = Act(actor, act.organization_id, act.at, act.key, act.fingerprint)
        _emit(books_of, act, kind, subject)
    assert _kinds(books) == ["test.one", "test.two", "test.one"]
    assert _kinds(books, Wanted(actor_id=somebody.id)) == ["test.one", "test.two"]
    assert _kinds(books, Wanted(subject_id=first)) == ["test.two", "test.one"]
    assert _kinds(books, Wanted(type="test.two")) == ["test.two"]
    assert _kinds(books, Wanted(type="test.two", subject_id=second)) == []
    moment = START + timedelta(seconds=2)
    assert _kinds(books, Wanted(start=moment)) == ["test.one", "test.two"]
    assert _kinds(books, Wanted(end=moment)) == ["test.one"]
    assert _kinds(books, Wanted(start=moment, end=moment + timedelta(microseconds=1))) == [
        "test.two"
    ]


def test_those_who_act_have_names(books: Books) -> None:
    user_id = ids.new()
    row = {
        "id": user_id,
        "email": f"{user_id.hex}@example.com",
        "email_key": f"{user_id.hex}@example.com",
        "name": "Ada Example",
        "platform": False,
        "active": True,
        "version": 1,
        "created_at": START,
        "updated_at": START,
    }
    books.database.write(lambda conn: conn.execute(USERS.insert(), row))
    act = books.act()
    _, key = books.database.write(
        lambda conn: create_key(
            conn, act, organization_id=books.organization_id, role="owner", name="till 3"
        )
    )
    for actor in (
        Actor("user", user_id, "owner", None),
        Actor("key", UUID(key["id"]), "owner", None),
        Actor("key", ids.new(), "owner", None),
    ):
        plain = books.act()
        _emit(books, Act(actor, plain.organization_id, plain.at, "k", "f"), "test.x", ids.new())
    names = [entry["actor"]["name"] for entry in _page(books)[0]]
    assert names == [None, "till 3", "Ada Example", None]


def test_the_changes_of_an_erased_customer_are_empty(books: Books) -> None:
    customer_id = UUID(books.customer()["id"])
    books.done(
        change_customers, ChangeCustomer(books.act(), customer_id, 1, {"email": "x@example.com"})
    )
    books.done(erase_customers, EraseCustomer(books.act(), customer_id))
    entries = _page(books, Wanted(subject_id=customer_id))[0]
    assert [(entry["type"], entry["before"], entry["after"]) for entry in entries] == [
        ("customer.erased", {}, {}),
        ("customer.changed", {}, {}),
        ("customer.created", {}, {}),
    ]


def test_the_index_serves_a_page(books: Books) -> None:
    """Hold the plan of a page against the index that is there for it."""
    words = (
        "SELECT id FROM event WHERE organization_id = :organization AND at <= :at "
        "ORDER BY at DESC, id DESC LIMIT 51"
    )
    engine = books.database.engine_name
    explain = "EXPLAIN QUERY PLAN " if engine == "sqlite" else "EXPLAIN "
    parameters: dict[str, Any] = {"organization": books.organization_id, "at": START}
    if engine == "sqlite":
        parameters = {"organization": str(books.organization_id), "at": "2026-03-02 09:00:00"}
    if engine == "mysql":
        parameters["organization"] = books.organization_id.bytes

    def planned(conn: Connection) -> list[str]:
        if engine == "postgresql":
            # It would scan and sort a table as small as this one.
            conn.execute(text("SET LOCAL enable_seqscan = off"))
            conn.execute(text("SET LOCAL enable_sort = off"))
        return [str(row) for row in conn.execute(text(explain + words), parameters)]

    plan = books.database.read(planned)
    assert any("ix_event_organization_id_at_id" in line for line in plan), plan
    assert not any("TEMP B-TREE" in line or "filesort" in line for line in plan), plan


def _changes(
    books: Books, kind: str, of: UUID | None = None
) -> list[tuple[dict[str, Any] | None, dict[str, Any] | None]]:
    entries, _ = _page(books, Wanted(type=kind), of=of)
    return [(entry["before"], entry["after"]) for entry in entries]


def test_what_becomes_of_a_key(books: Books) -> None:
    act, ends_at = books.act(), START + timedelta(days=30)
    values: dict[str, Any] = {"role": "cashier", "name": "the till", "scopes": frozenset({"read"})}
    _, key = books.database.write(
        lambda conn: make_key(
            conn, act, organization_id=books.organization_id, expires_at=ends_at, **values
        )
    )
    told = {"role": "cashier", "name": "the till", "scopes": ["read"]}
    assert _changes(books, "key.created") == [({}, {**told, "expires_at": clock.text(ends_at)})]
    rotating, minted = books.act(), Minted.new()
    books.database.write(
        lambda conn: rotate_key(
            conn,
            rotating,
            organization_id=books.organization_id,
            key_id=UUID(key["id"]),
            overlap=timedelta(hours=1),
            minted=minted,
        )
    )
    sooner = {"expires_at": clock.text(rotating.at + timedelta(hours=1))}
    assert _changes(books, "key.rotated") == [({"expires_at": clock.text(ends_at)}, sooner)]
    revoking = RevokeKey(books.act(), books.organization_id, minted.id)
    books.done(revoke_keys, revoking)
    revoked = {"revoked_at": clock.text(revoking.act.at)}
    assert _changes(books, "key.revoked") == [({"revoked_at": None}, revoked)]


def test_each_personal_token_is_told_of(books: Books) -> None:
    user_id = login(books.database)
    for _ in range(2):
        personal_token(books.database, user_id, frozenset({"read"}))
    act = replace(books.act(), organization_id=ids.NIL)
    for _ in range(2):
        books.database.write(lambda conn: revoke_all(conn, act, user_id))
    own = Wanted(subject_id=user_id)
    entries, _ = _page(books, own, of=ids.NIL)
    assert [each["type"] for each in entries] == ["token.revoked"] * 2 + ["token.created"] * 2
    assert len({each["facts"]["token_id"] for each in entries}) == 2
    assert entries[0]["after"] == {"revoked_at": clock.text(act.at)}
    assert entries[3]["after"] == {"name": "a test", "scopes": ["read"]}


def test_what_becomes_of_an_invitation(books: Books) -> None:
    email = f"{ids.new().hex}@example.com"
    made = books.done(create_invitations, CreateInvitation(books.act(), email, "viewer"))
    [created] = _changes(books, "invitation.created")
    assert created == ({}, {"role": "viewer", "expires_at": made["expires_at"]})
    gone = books.done(revoke_invitations, RevokeInvitation(books.act(), UUID(made["id"])))
    revoked = ({"revoked_at": None}, {"revoked_at": gone["revoked_at"]})
    assert _changes(books, "invitation.revoked") == [revoked]
    assert email not in str(_page(books)), "nothing would erase it there"


def test_what_becomes_of_a_payers_link(books: Books) -> None:
    invoice = books.issued()
    command = CreatePayerLink(books.act(), None, UUID(invoice["id"]), 30)
    made = books.done(create_payer_links, command)
    names = ("customer_id", "invoice_id", "expires_at")
    told = {name: value for name, value in made.items() if name in names}
    assert _changes(books, "payer_link.created") == [({}, told)]
    gone = books.done(revoke_payer_links, RevokePayerLink(books.act(), UUID(made["id"])))
    revoked = ({"revoked_at": None}, {"revoked_at": gone["revoked_at"]})
    assert _changes(books, "payer_link.revoked") == [revoked]
