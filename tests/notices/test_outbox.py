"""The tasks that send mails: what they say, when there is nothing to say, and a server at work."""

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, select
from structlog.testing import capture_logs

from tallystick.channels.mime import address
from tallystick.channels.smtp import Server, Smtp
from tallystick.kernel import ids
from tallystick.kernel.signing import Signer
from tallystick.kernel.tasks import TASKS, Claimed
from tallystick.notices.channel import Message
from tallystick.notices.composing import Composer
from tallystick.notices.outbox import Outbox
from tallystick.notices.words import WORDS
from tallystick.parties.models import ORGANIZATIONS
from tallystick.worker import Worker
from tests.channels.conftest import Opened, Post
from tests.factories import START
from tests.notices.conftest import People

SOON = START + timedelta(minutes=1)
SIGNER = Signer("a secret of the tests")
BASE = "https://books.example.com"


class Kept:
    """A channel that keeps what it gets."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Message, at: datetime) -> None:
        assert at >= START
        self.messages.append(message)

    def look(self) -> str:
        return "kept"


def _outbox(people: People, channel: Any) -> Outbox:
    return Outbox(people.database, channel, Composer(BASE), SIGNER)


def _row(people: People, task_id: UUID) -> Row[Any]:
    statement = select(TASKS).where(TASKS.c.id == task_id)
    return people.database.read(lambda conn: conn.execute(statement).one())


def _sent(people: People, kind: str, at: datetime = SOON, **payload: UUID) -> Message | None:
    """Do one task as the worker does, and give the mail that came of it."""
    kept = Kept()
    told = {name: str(value) for name, value in payload.items()}
    task = Claimed(ids.NIL, ids.new(), f"mail.{kind}", told, 1, ids.new(), START)
    with capture_logs():
        _outbox(people, kept).handlers()[task.kind](task, at)
    assert len(kept.messages) <= 1
    for message in kept.messages:
        assert message.id == task.id
    return kept.messages[0] if kept.messages else None


def _token_in(message: Message) -> str:
    found = re.search(re.escape(BASE) + r"/[a-z-]+\?token=([A-Za-z0-9_-]+)\n", message.text)
    assert found
    assert f"\n{found[1]}\n" in message.text
    return found[1]


def test_every_mail_has_words_and_a_handler(people: People) -> None:
    handlers = _outbox(people, Kept()).handlers()
    assert set(handlers) == {f"mail.{kind}" for kind in WORDS} - {"mail.first_password"}


@pytest.mark.parametrize("kind", ["verify_email", "reset_password", "change_email"])
def test_a_mail_with_a_token(people: People, kind: str) -> None:
    user_id = people.user()
    token_id = people.token(kind, user_id)
    message = _sent(people, kind, token_id=token_id)
    assert message is not None
    assert message.to == "new@example.com"
    assert SIGNER.read(kind, _token_in(message)) == token_id.bytes
    assert "2 March 2026, 10:00 UTC" in message.text


def test_a_name_goes_only_to_an_address_that_was_proved(people: People) -> None:
    def said(kind: str, *, proved: bool, own: bool = True) -> str:
        address = f"{ids.new().hex}@example.com"
        user_id = people.user(email_verified_at=START if proved else None, email=address)
        to = address if own else "new@example.com"
        by_token = kind not in {"password_changed", "somebody_signed_up_again"}
        asked: dict[str, Any] = {}
        if by_token:
            asked["token_id"] = people.token(kind, user_id, email=to)
        message = _sent(people, kind, user_id=user_id, **asked)
        assert message is not None
        return message.text.splitlines()[0]

    for kind in ("reset_password", "password_changed"):
        assert said(kind, proved=True) == "Hello Ann Example,"
    for kind in ("verify_email", "reset_password", "somebody_signed_up_again"):
        assert said(kind, proved=False) == "Hello,"
    assert said("somebody_signed_up_again", proved=True) == "Hello,"
    assert said("change_email", proved=True, own=False) == "Hello,"


def test_whoever_has_no_password_yet_chooses_one(people: People) -> None:
    token_id = people.token("reset_password", people.user(password_hash=None))
    message = _sent(people, "reset_password", token_id=token_id)
    assert message is not None
    assert message.subject == "Choose a password for books.example.com"
    token_id = people.token("reset_password", people.user(password_hash="x"))
    message = _sent(people, "reset_password", token_id=token_id)
    assert message is not None
    assert message.subject == "Choose a new password for books.example.com"


@pytest.mark.parametrize("kind", ["verify_email", "reset_password", "change_email"])
def test_a_token_that_is_over_sends_nothing(people: People, kind: str) -> None:
    user_id = people.user()
    assert (
        _sent(people, kind, at=START + timedelta(hours=1), token_id=people.token(kind, user_id))
        is None
    )
    assert _sent(people, kind, token_id=people.token(kind, user_id, used_at=START)) is None
    assert _sent(people, kind, token_id=people.token("setup", user_id)) is None
    assert _sent(people, kind, token_id=people.token(kind, None, email=None)) is None
    assert _sent(people, kind, token_id=ids.new()) is None
    gone = people.user(active=False)
    assert _sent(people, kind, token_id=people.token(kind, gone)) is None


@pytest.mark.parametrize("kind", ["password_changed", "somebody_signed_up_again"])
def test_a_mail_of_what_happened(people: People, kind: str) -> None:
    message = _sent(people, kind, user_id=(user_id := people.user()))
    assert message is not None
    assert message.to == f"{user_id.hex}@example.com"
    assert "token" not in message.text
    assert _sent(people, kind, user_id=people.user(active=False)) is None
    assert _sent(people, kind, user_id=ids.new()) is None


def test_the_old_address_is_told(people: People) -> None:
    user_id = people.user()
    token_id = people.token(
        "email_changed", user_id, email="old@example.com", used_at=START, expires_at=START
    )
    message = _sent(people, "email_changed", user_id=user_id, token_id=token_id)
    assert message is not None
    assert message.to == "old@example.com"
    assert "On 2 March 2026, 09:00 UTC" in message.text
    assert f"{user_id.hex}@" not in message.text


def test_an_invitation(people: People) -> None:
    organization_id = people.books.organization_id
    invitation_id = people.invitation()
    asked: dict[str, Any] = {"organization_id": organization_id, "invitation_id": invitation_id}
    message = _sent(people, "invitation", **asked)
    assert message is not None
    assert message.to == "new@example.com"
    assert people.books.organization["name"] in message.subject
    assert "accountant" in message.text
    value = organization_id.bytes + invitation_id.bytes
    assert SIGNER.read("invitation", _token_in(message)) == value
    assert _sent(people, "invitation", at=START + timedelta(hours=1), **asked) is None
    assert _sent(people, "invitation", **{**asked, "invitation_id": ids.new()}) is None
    for over in ("accepted_at", "revoked_at"):
        other = people.invitation(**{over: START})
        assert _sent(people, "invitation", **{**asked, "invitation_id": other}) is None
    off = ORGANIZATIONS.update().where(ORGANIZATIONS.c.id == organization_id)
    people.database.write(lambda conn: conn.execute(off, {"active": False}))
    assert _sent(people, "invitation", **asked) is None


class Office:
    """A worker with a mail server of its own."""

    def __init__(self, people: People, post: Post) -> None:
        self.now = SOON
        self.post = post
        self.lines: list[Any] = []
        server = Server.at(f"smtp://127.0.0.1:{post.port}")
        smtp = Smtp(server, address("books@example.com"), timeout_s=1)
        handlers = _outbox(people, smtp).handlers()
        self._worker = Worker(people.database, lambda: self.now, (), handlers=handlers)

    def work(self) -> list[str]:
        """Do what is due; give what the log said."""
        with capture_logs() as lines:
            while self._worker.do_tasks():
                pass
        self.lines += lines
        return [line["event"] for line in lines]


@pytest.fixture
def office(people: People, opened: Opened) -> Office:
    # Only what is due for this test is looked at: what others left is taken first.
    quiet = Worker(
        people.database,
        lambda: SOON + timedelta(days=400),
        (),
        handlers={f"mail.{kind}": lambda _task, _at: None for kind in WORDS},
    )
    while quiet.do_tasks():
        pass
    return Office(people, opened())


def test_a_mail_is_sent_once(people: People, office: Office) -> None:
    task_id = people.ask("password_changed", user_id=people.user())
    assert office.work() == ["mail sent", "task done"]
    assert office.work() == []
    [mail] = office.post.mails
    assert mail["Message-ID"] == f"<{task_id}@example.com>"
    row = _row(people, task_id)
    assert (row.done_at, row.attempts, row.last_error) == (SOON, 1, None)


def test_a_server_that_refuses_for_a_while(people: People, office: Office) -> None:
    task_id = people.ask("password_changed", user_id=people.user())
    office.post.to_data = "451 4.3.0 come back later"
    assert office.work() == ["task failed"]
    row = _row(people, task_id)
    assert row.last_error == "The mail server said 451: 4.3.0 come back later"
    office.post.to_data = "250 OK"
    assert office.work() == []
    office.now = row.due_at
    assert office.work() == ["mail sent", "task done"]
    assert len(office.post.mails) == 1


def test_a_server_that_refuses_for_good(people: People, office: Office) -> None:
    user_id = people.user()
    task_id = people.ask("password_changed", user_id=user_id)
    office.post.to_recipient = f"550 5.1.1 <{user_id.hex}@example.com> unknown"
    assert office.work() == ["task given up"]
    row = _row(people, task_id)
    assert (row.dead_at, row.last_error) == (
        *(SOON, "The mail server said 550: 5.1.1 (address) unknown"),
    )
    office.now += timedelta(days=2)
    assert office.work() == []


def test_a_connection_that_breaks_off_sends_the_same_mail_again(
    people: People, office: Office
) -> None:
    task_id = people.ask("password_changed", user_id=people.user())
    office.post.drops = True
    assert office.work() == ["task failed"]
    office.post.drops = False
    office.now = _row(people, task_id).due_at
    assert office.work() == ["mail sent", "task done"]
    assert [mail["Message-ID"] for mail in office.post.mails] == [f"<{task_id}@example.com>"] * 2


def test_a_mail_that_came_too_late_is_done_without(people: People, office: Office) -> None:
    token_id = people.token("reset_password", people.user(), expires_at=SOON)
    task_id = people.ask("reset_password", token_id=token_id)
    assert office.work() == ["mail not needed any more", "task done"]
    assert office.post.mails == []
    assert _row(people, task_id).done_at == SOON


def test_neither_an_address_nor_a_token_rests_with_a_task(people: People, office: Office) -> None:
    user_id = people.user()
    token_id = people.token("verify_email", user_id)
    task_id = people.ask("verify_email", token_id=token_id)
    assert office.work() == ["mail sent", "task done"]
    [mail] = office.post.mails
    text = mail.get_body(("plain",))
    assert text is not None
    found = re.search(r"token=([A-Za-z0-9_-]+)", text.get_content())
    assert found
    shown = f"{_row(people, task_id)} {office.lines}"
    assert "@example.com" not in shown
    assert found[1] not in shown
