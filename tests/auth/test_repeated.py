"""A COMMIT that took and went unanswered is tried again: the same answer, and nothing twice."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pyotp
import pytest
from sqlalchemy import Connection, func, select

from tallystick.auth import (
    changing_email,
    logging_in,
    passwords,
    recovering,
    sessions,
    setting_up,
    signing_up,
    two_factor,
    users,
)
from tallystick.auth.credentials import SESSION_START, new_secret
from tallystick.auth.guessing import Guess
from tallystick.auth.logging_in import NewSession
from tallystick.auth.models import MAILED_TOKENS, RECOVERY_CODES, SESSIONS, USERS
from tallystick.auth.setting_up import Person
from tallystick.kernel import clock, ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tallystick.kernel.events import EVENTS
from tallystick.kernel.sealing import Sealer
from tallystick.kernel.tasks import TASKS

HASH = passwords.hashed("four words in a row")
SEALER = Sealer.derived("a secret of the tests")


@dataclass(frozen=True)
class Twice:
    """Runs commands twice, as a transaction is repeated."""

    database: Database

    def __call__(self, command: Callable[[Connection, Act], Any]) -> Any:
        """Run a command, and again as the very same act; give what it said both times."""
        act = self.act()
        first = self.database.write(lambda conn: command(conn, act))
        before = self.rows()
        second = self.database.write(lambda conn: command(conn, act))
        assert first == second
        assert self.rows() == before
        return first

    def act(self) -> Act:
        """Make an act of now."""
        return Act(OPERATOR, ids.NIL, clock.now(), str(ids.new()), "made by a test")

    def guess(self) -> Guess:
        """Make a guess that nobody else makes."""
        return Guess(clock.now(), "192.0.2.1", str(ids.new()))

    def rows(self) -> list[Any]:
        """Read what a repeated act could have changed."""

        def read(conn: Connection) -> list[Any]:
            tables = (EVENTS, TASKS, MAILED_TOKENS, SESSIONS, RECOVERY_CODES)
            counts = [
                conn.execute(select(func.count()).select_from(table)).scalar_one()
                for table in tables
            ]
            versions = conn.execute(select(func.sum(USERS.c.version))).scalar_one()
            return [*counts, versions]

        return self.database.read(read)

    def token(self, purpose: str, user_id: UUID) -> UUID:
        """Give the newest token of somebody."""
        statement = (
            select(MAILED_TOKENS.c.id)
            .where(MAILED_TOKENS.c.purpose == purpose, MAILED_TOKENS.c.user_id == user_id)
            .order_by(MAILED_TOKENS.c.id.desc())
        )
        return self.database.read(lambda conn: conn.execute(statement).scalars().first()) or ids.NIL


@pytest.fixture
def twice(database: Database) -> Twice:
    return Twice(database)


@pytest.fixture
def person(twice: Twice) -> Person:
    """Return somebody who was added, twice."""
    user_id = ids.new()
    made = Person(user_id, f"{user_id.hex}@example.com", "Ada", None, HASH, platform=False)
    twice(lambda conn, act: setting_up.add_person(conn, act, made, organization_id=None, role=None))
    return made


def test_sign_up_and_prove(twice: Twice) -> None:
    user_id = ids.new()
    email = f"{user_id.hex}@example.com"
    twice(
        lambda conn, act: signing_up.sign_up(
            conn,
            act,
            user_id=user_id,
            email=email,
            name="Ada",
            language=None,
            password_hash=HASH,
        )
    )
    token_id, guess = twice.token("verify_email", user_id), twice.guess()
    twice(
        lambda conn, act: signing_up.verify_email(
            conn, act, guess, token_id=token_id, seen_hash=HASH
        )
    )


def test_log_in_and_out(twice: Twice, person: Person) -> None:
    new, guess = NewSession(ids.new(), new_secret(SESSION_START), "a test", None), twice.guess()
    twice(
        lambda conn, act: logging_in.log_in(
            conn,
            act,
            guess,
            new,
            user_id=person.id,
            seen_hash=HASH,
            code=None,
            rehashed=passwords.hashed("four words in a row"),
            sealer=SEALER,
        )
    )
    twice(lambda conn, act: sessions.end(conn, act, person.id, new.id))


def test_what_people_change_of_themselves(twice: Twice, person: Person) -> None:
    twice(
        lambda conn, act: users.change_me(
            conn, act, person.id, version=1, changes={"name": "Ada King"}
        )
    )
    new, email = passwords.hashed("another four words"), f"new-{person.email}"
    twice(
        lambda conn, act: recovering.replace_password(
            conn,
            act,
            twice.guess(),
            person.id,
            seen_hash=HASH,
            password_hash=new,
            but=None,
        )
    )
    twice(
        lambda conn, act: changing_email.request_email(
            conn, act, twice.guess(), person.id, email=email
        )
    )
    token_id = twice.token("change_email", person.id)
    changed = twice(lambda conn, act: changing_email.confirm_email(conn, act, person.id, token_id))
    assert changed["email"] == email
    twice.database.write(lambda conn: recovering.request_reset(conn, twice.act(), email))
    token_id = twice.token("reset_password", person.id)
    twice(
        lambda conn, act: recovering.reset_password(
            conn, act, token_id=token_id, password_hash=HASH
        )
    )


def test_the_second_factor(twice: Twice, person: Person) -> None:
    secret, codes, renewed = two_factor.new_secret(), two_factor.new_codes(), two_factor.new_codes()
    guess = twice.guess()
    twice(
        lambda conn, act: two_factor.begin(
            conn, act, guess, person.id, secret=secret, sealer=SEALER
        )
    )
    code = pyotp.TOTP(secret).now()
    twice(
        lambda conn, act: two_factor.confirm(
            conn, act, guess, person.id, code=code, codes=codes, sealer=SEALER
        )
    )
    new = NewSession(ids.new(), new_secret(SESSION_START), "a test", None)
    twice(
        lambda conn, act: logging_in.log_in(
            conn,
            act,
            guess,
            new,
            user_id=person.id,
            seen_hash=HASH,
            code=codes[0],
            rehashed=None,
            sealer=SEALER,
        )
    )
    twice(
        lambda conn, act: two_factor.renew(
            conn, act, guess, person.id, code=codes[1], codes=renewed, sealer=SEALER
        )
    )
    twice(
        lambda conn, act: two_factor.remove(
            conn, act, guess, person.id, code=renewed[0], sealer=SEALER
        )
    )
