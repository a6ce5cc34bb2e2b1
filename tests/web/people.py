"""People who have a login, and what their browsers and their mails hold."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, delete, select

from tallystick.auth import passwords, setting_up
from tallystick.auth.models import ATTEMPTS, MAILED_TOKENS, USERS
from tallystick.auth.setting_up import Person
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tallystick.kernel.signing import Signer
from tallystick.kernel.tasks import TASKS
from tallystick.web import cookies
from tests.web.conftest import MakeClient, Moment

PASSWORD: Final = "four words in a row"


@dataclass(frozen=True)
class Someone:
    """Somebody with a login."""

    id: UUID
    email: str
    user_name: str


@dataclass(frozen=True)
class People:
    """Makes people, logs them in, and reads what was mailed to them."""

    database: Database
    signer: Signer
    clock: Callable[[], datetime]
    make_client: Callable[..., httpx2.AsyncClient]

    def forget_tries(self) -> None:
        """Forget what was counted: all clients of the tests come from one address."""
        self.database.write(lambda conn: conn.execute(delete(ATTEMPTS)))

    def add(
        self, *, organization_id: str | None = None, role: str = "owner", platform: bool = False
    ) -> Someone:
        """Make somebody whose address is proved."""
        user_id = ids.new()
        someone = Someone(user_id, f"Ada.{user_id.hex}@Example.com", f"Ada.{user_id.hex}")
        act = Act(OPERATOR, ids.NIL, self.clock(), str(ids.new()), "made by a test")
        person = Person(
            id=user_id,
            email=someone.email,
            name="Ada Example",
            user_name=someone.user_name,
            password_hash=passwords.hashed(PASSWORD),
            platform=platform,
        )
        place = None if organization_id is None else UUID(organization_id)
        self.database.write(
            lambda conn: setting_up.add_person(
                conn, act, person, organization_id=place, role=role if place else None
            )
        )
        return someone

    async def log_in(self, someone: Someone, **members: Any) -> httpx2.AsyncClient:
        """Log somebody in, and give a client that has their cookie and its token."""
        given = {"login": someone.email, "password": PASSWORD, **members}
        response = await self.make_client().post("/v1/login", json=given)
        assert response.status_code == 200, response.text
        return self.browser(response)

    def browser(self, response: httpx2.Response) -> httpx2.AsyncClient:
        """Give a client that has the session which an answer has begun."""
        headers = {"Cookie": f"{cookies.NAME}={secret_of(response)}"}
        return self.make_client(**headers, **{"X-CSRF-Token": response.json()["csrf_token"]})

    def row(self, user_id: UUID) -> Any:
        """Read what is kept of somebody."""
        return self._read(select(USERS).where(USERS.c.id == user_id))[0]

    def find(self, email: str) -> Any:
        """Read what is kept of somebody with an address; None if there is nobody."""
        return next(iter(self._read(select(USERS).where(USERS.c.email == email))), None)

    def token(self, purpose: str, user_id: UUID) -> str:
        """Give the newest token that a mail to somebody would carry."""
        statement = select(MAILED_TOKENS.c.id).where(
            MAILED_TOKENS.c.purpose == purpose, MAILED_TOKENS.c.user_id == user_id
        )
        newest = self._read(statement.order_by(MAILED_TOKENS.c.id.desc()))[0]
        return self.signer.sign(purpose, newest.id.bytes)

    def mails(self) -> list[tuple[str, dict[str, Any]]]:
        """List what is to be mailed, in the order in which it was asked for."""
        statement = select(TASKS.c.kind, TASKS.c.payload).where(TASKS.c.kind.startswith("mail."))
        return [(row.kind, row.payload) for row in self._read(statement.order_by(TASKS.c.id))]

    def _read(self, statement: Any) -> Any:
        def read(conn: Connection) -> Any:
            return conn.execute(statement).all()

        return self.database.read(read)


@pytest.fixture
def people(app: FastAPI, database: Database, moment: Moment, make_client: MakeClient) -> People:
    """Return what makes people; nobody has tried anything yet."""
    made = People(database, app.state.edge.signer, moment, make_client)
    made.forget_tries()
    return made


def secret_of(response: httpx2.Response) -> str:
    """Give the session in the cookie of an answer."""
    name, _, value = response.headers["Set-Cookie"].partition(";")[0].partition("=")
    assert name == cookies.NAME
    return str(value)
