"""Make, list and revoke API keys."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from tallystick.auth import policy
from tallystick.auth.api_keys import RevokeKey, list_keys, make_key, revoke_keys
from tallystick.auth.credentials import KeyDocument, Minted
from tallystick.cli import opened
from tallystick.cli.output import say, show_json, show_line, show_table
from tallystick.kernel import clock, ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.errors import Invalid, Refusal, Refused, shown
from tallystick.kernel.paging import LIMIT_MAX
from tallystick.parties.organizations import find_organization

COLUMNS: Final = ("prefix", "role", "name", "created_at", "expires_at", "used_at", "id")


def create(
    *,
    slug: str | None,
    role: str | None,
    name: str,
    scopes: Sequence[str] | None,
    expires_days: int | None,
) -> None:
    """Make a key of one organization, or of the platform without one, and print it.

    Raises:
        Invalid: key.scope_unknown; and the codes of `make_key`.
    """
    given = None if not scopes else frozenset(scopes)
    known = policy.PLATFORM if slug is None else policy.TENANT
    if given is not None and not given <= known:
        message = (
            f"There is no scope {shown(min(given - known))}. There are {', '.join(sorted(known))}."
        )
        raise Invalid("key.scope_unknown", message)

    def made(conn: Connection) -> tuple[str, KeyDocument]:
        place = _place(conn, slug)
        return make_key(
            conn,
            _act(place, at, "key create"),
            organization_id=place,
            role=role or policy.PLATFORM_ROLE,
            name=name,
            scopes=given,
            expires_at=None if expires_days is None else at + timedelta(days=expires_days),
            minted=minted,
        )

    at, minted = clock.now(), Minted.new()
    with opened.database() as database:
        text, key = database.write(made)
    reach = "the whole platform" if slug is None else f"{role} of {slug}"
    limits = "" if given is None else f", only {', '.join(sorted(given))}"
    until = "" if key["expires_at"] is None else f", until {key['expires_at']}"
    say(
        f"Key {key['prefix']}… ({name}), {reach}{limits}{until}. It is shown this once; keep it "
        "safe."
    )
    show_line(text)


def show_list(*, slug: str | None, as_json: bool) -> None:
    """List the keys of one organization, or of the platform without one."""
    at = clock.now()
    with opened.database() as database:
        found = database.read(lambda conn: _all(conn, _place(conn, slug), at))
    if as_json:
        show_json(found)
        return
    columns = [*COLUMNS[:-1], "revoked_at", COLUMNS[-1]]
    show_table(columns, [[dict(key)[name] or "-" for name in columns] for key in found])
    if not found:
        say("There are no keys yet. `tallystick key create` makes one.")


def revoke(*, slug: str | None, name: str) -> None:
    """Revoke the one key that has these first characters, or this id.

    Raises:
        Refused: key.unknown, also for characters that several keys begin with;
            key.revoked_already.
    """

    def revoked(conn: Connection) -> KeyDocument:
        place = _place(conn, slug)
        named = [key for key in _all(conn, place, at) if name in {key["id"], key["prefix"]}]
        if len(named) > 1:
            message = (
                f"{len(named)} keys here begin with {shown(name)}. Name the one that is meant by "
                "its id, which `tallystick key list` shows."
            )
            raise Refused("key.unknown", message)
        if not named:
            message = f"There is no key {shown(name)} here. `tallystick key list` shows all."
            raise Refused("key.unknown", message)
        command = RevokeKey(_act(place, at, "key revoke"), place, UUID(named[0]["id"]))
        [answer] = revoke_keys(conn, [command])
        if isinstance(answer.outcome, Refusal):
            raise Refused(answer.outcome.code, answer.outcome.detail)
        return answer.outcome

    at = clock.now()
    with opened.database() as database:
        key = database.write(revoked)
    say(f"Key {key['prefix']}… ({key['name']}) is good for nothing from now on.")


def _place(conn: Connection, slug: str | None) -> UUID | None:
    return None if slug is None else UUID(find_organization(conn, slug)["id"])


def _all(conn: Connection, place: UUID | None, at: datetime) -> list[KeyDocument]:
    page = list_keys(conn, place, at=at, limit=LIMIT_MAX)
    found = page.items
    while page.next_after is not None:
        page = list_keys(conn, place, at=at, after=page.next_after, limit=LIMIT_MAX)
        found += page.items
    return found


def _act(place: UUID | None, at: datetime, command: str) -> Act:
    return Act(
        actor=OPERATOR,
        organization_id=place or ids.NIL,
        at=at,
        key=f"cli:{ids.new()}",
        fingerprint=hashlib.sha256(command.encode()).hexdigest(),
    )
