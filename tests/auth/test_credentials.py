"""API keys: shown once, kept as a hash, and good for one role in one place."""

import hashlib
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select

from tallystick.auth import policy
from tallystick.auth.credentials import (
    KEY_START,
    PREFIX_LENGTH,
    actor_of,
    create_key,
    find_credential,
)
from tallystick.auth.models import API_KEYS
from tallystick.kernel import ids
from tallystick.kernel.actor import Actor
from tallystick.migrations.tables import METADATA
from tests.factories import START, Acts, Books


def _actor(conn: Connection, text: str) -> Actor | None:
    credential = find_credential(conn, text, START)
    return None if credential is None else actor_of(conn, credential, credential.organization_id)


@pytest.mark.parametrize("role", list(policy.ROLES))
def test_a_key_of_an_organization(books: Books, role: str) -> None:
    act = books.act()
    text, key = books.database.write(
        lambda conn: create_key(
            conn, act, organization_id=books.organization_id, role=role, name="The till"
        )
    )
    assert text.startswith(KEY_START)
    assert len(text) == len(KEY_START) + 43, "256 bits in base64"
    assert key == {
        "id": key["id"],
        "organization_id": str(books.organization_id),
        "role": role,
        "scopes": None,
        "name": "The till",
        "prefix": text[:PREFIX_LENGTH],
        "created_at": "2026-03-02T09:00:01.000000Z",
        "expires_at": None,
        "used_at": None,
        "replaces_id": None,
        "revoked_at": None,
    }
    actor = books.database.read(lambda conn: _actor(conn, text))
    permissions = policy.ROLES[role]
    assert actor == Actor("key", UUID(key["id"]), role, books.organization_id, permissions)
    [event] = books.snapshot()["event"][1]
    assert (event["type"], event["payload"]) == ("key.created", {"key_id": key["id"], "role": role})


def test_a_key_of_the_platform(books: Books) -> None:
    text, key = books.database.write(
        lambda conn: create_key(
            conn, Acts(ids.NIL)(), organization_id=None, role="platform", name="Operations"
        )
    )
    assert key["organization_id"] is None
    actor = books.database.read(lambda conn: _actor(conn, text))
    assert actor == Actor("key", UUID(key["id"]), "platform", None, policy.PLATFORM)


def test_a_key_is_stored_as_its_hash_only(books: Books) -> None:
    text, key = books.database.write(
        lambda conn: create_key(
            conn, books.act(), organization_id=books.organization_id, role="owner", name="Till"
        )
    )

    def stored(conn: Connection) -> list[str]:
        return [
            str(row)
            for table in METADATA.sorted_tables
            for row in conn.execute(select(table)).mappings()
        ]

    everything = books.database.read(stored)
    assert [row for row in everything if text[PREFIX_LENGTH:] in row] == []
    assert len([row for row in everything if text[:PREFIX_LENGTH] in row]) == 1
    query = select(API_KEYS.c.secret_hash, API_KEYS.c.prefix).where(
        API_KEYS.c.id == UUID(key["id"])
    )
    row = books.database.read(lambda conn: tuple(conn.execute(query).one()))
    assert row == (hashlib.sha256(text.encode()).hexdigest(), text[:PREFIX_LENGTH])


def test_no_two_keys_are_alike(books: Books) -> None:
    def make(conn: Connection) -> set[str]:
        return {
            create_key(
                conn, books.act(), organization_id=books.organization_id, role="owner", name="x"
            )[0]
            for _ in range(20)
        }

    assert len(books.database.write(make)) == 20


def test_a_revoked_key_is_nobodys(books: Books) -> None:
    text, key = books.database.write(
        lambda conn: create_key(
            conn, books.act(), organization_id=books.organization_id, role="owner", name="x"
        )
    )
    revoke = API_KEYS.update().where(API_KEYS.c.id == UUID(key["id"]))
    books.database.write(lambda conn: conn.execute(revoke.values(revoked_at=books.act().at)))
    assert books.database.read(lambda conn: _actor(conn, text)) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _text: "",
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text.swapcase(),
        lambda text: text + " ",
        lambda text: text[len(KEY_START) :],
        lambda text: hashlib.sha256(text.encode()).hexdigest(),
        lambda _text: "é" * 1_000,
        lambda _text: "%",
    ],
)
def test_what_is_no_key_is_nobodys(books: Books, spoil: Any) -> None:
    text, _ = books.database.write(
        lambda conn: create_key(
            conn, books.act(), organization_id=books.organization_id, role="owner", name="x"
        )
    )
    assert books.database.read(lambda conn: _actor(conn, spoil(text))) is None


def test_a_role_fits_its_reach(books: Books) -> None:
    before = books.snapshot()
    cases: list[tuple[UUID | None, str]] = [
        (books.organization_id, "platform"),
        (None, "owner"),
        (None, "viewer"),
    ]
    for organization_id, role in cases:
        with pytest.raises(AssertionError, match="fits its reach"):
            books.database.write(
                partial(
                    create_key,
                    act=books.act(),
                    organization_id=organization_id,
                    role=role,
                    name="x",
                )
            )
    assert books.snapshot() == before
