"""People whom mails are about, and a server that takes the mails."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tallystick.auth.models import INVITATIONS, MAILED_TOKENS, USERS
from tallystick.kernel import ids, tasks
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tallystick.kernel.rows import Writes
from tests.channels.conftest import certificate, opened
from tests.factories import START, Books, books, open_books

__all__ = ["books", "certificate", "open_books", "opened"]


class People:
    """Makes logins, and tasks that ask for mails to them."""

    def __init__(self, books: Books) -> None:
        self.database: Database = books.database
        self.books = books

    def user(self, **values: Any) -> UUID:
        user_id = ids.new()
        email = f"{user_id.hex}@example.com"
        row = {
            "id": user_id,
            "email": email,
            "email_key": email,
            "name": "Ann Example",
            "platform": False,
            "active": True,
            "version": 1,
            "created_at": START,
            "updated_at": START,
        }
        self.database.write(lambda conn: conn.execute(USERS.insert(), {**row, **values}))
        return user_id

    def token(self, purpose: str, user_id: UUID | None, **values: Any) -> UUID:
        token_id = ids.new()
        row = {
            "id": token_id,
            "purpose": purpose,
            "user_id": user_id,
            "email": "new@example.com",
            "created_at": START,
            "expires_at": START + timedelta(hours=1),
            "used_at": None,
        }
        self.database.write(lambda conn: conn.execute(MAILED_TOKENS.insert(), {**row, **values}))
        return token_id

    def invitation(self, **values: Any) -> UUID:
        invitation_id = ids.new()
        row = {
            "organization_id": self.books.organization_id,
            "id": invitation_id,
            "email": "new@example.com",
            "email_key": "new@example.com",
            "role": "accountant",
            "version": 1,
            "created_at": START,
            "expires_at": START + timedelta(hours=1),
        }
        self.database.write(lambda conn: conn.execute(INVITATIONS.insert(), {**row, **values}))
        return invitation_id

    def ask(self, kind: str, at: datetime = START, **payload: UUID) -> UUID:
        """Add the task that asks for a mail."""
        writes = Writes()
        act = Act(OPERATOR, ids.NIL, at, str(ids.new()), "0" * 64)
        told = {name: str(value) for name, value in payload.items()}
        task_id = tasks.add(writes, act, f"mail.{kind}", told)
        self.database.write(writes.flush)
        return task_id


@pytest.fixture
def people(books: Books) -> People:
    return People(books)


Drained = Callable[..., None]
