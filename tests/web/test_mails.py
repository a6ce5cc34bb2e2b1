"""Whole ways through the mail: asked for over HTTP, sent by a worker, followed by its reader."""

from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from structlog.testing import capture_logs

from tallystick.channels.mailbox import Mailbox
from tallystick.channels.mime import address
from tallystick.kernel import ids
from tallystick.notices.composing import Composer
from tallystick.notices.outbox import Outbox
from tallystick.worker import Worker
from tests.web.conftest import Moment, School
from tests.web.people import PASSWORD, People, people

__all__ = ["people"]

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

BASE = "https://books.example.com"
NEW = "another four words in a row"

Read = Callable[[str], EmailMessage]


@pytest.fixture
def mail_to(people: People, moment: Moment, tmp_path: Path) -> Read:
    """Return a way to have mails sent, and to read the one mail that somebody got by it."""
    box = Mailbox(tmp_path, address("Tallystick <books@example.com>"))
    outbox = Outbox(people.database, box, Composer(BASE), people.signer)
    worker = Worker(people.database, moment, (), handlers=outbox.handlers())

    def read(person: str) -> EmailMessage:
        for path in tmp_path.iterdir():
            path.unlink()
        with capture_logs():
            while worker.do_tasks():
                pass
        mails = [
            message_from_bytes(path.read_bytes(), policy=policy.default)
            for path in tmp_path.glob("*.eml")
        ]
        [mine] = [mail for mail in mails if mail["To"] == person]
        assert isinstance(mine, EmailMessage)
        return mine

    return read


def _token(mail: EmailMessage, path: str) -> str:
    """Take the token out of the one link that a mail has, as the page at its address would."""
    body = mail.get_body(("plain",))
    assert body is not None
    text = str(body.get_content())
    [link] = [line for line in text.splitlines() if line.startswith(BASE)]
    assert urlsplit(link).path == path
    [token] = parse_qs(urlsplit(link).query)["token"]
    assert token in text.replace(link, "").split()
    return token


async def test_somebody_signs_up(anonymous: httpx2.AsyncClient, mail_to: Read) -> None:
    email = f"{ids.new().hex}@example.com"
    given = {"email": email, "name": "Ada", "password": PASSWORD}
    assert (await anonymous.post("/v1/signup", json=given)).status_code < 300
    token = _token(mail_to(email), "/verify-email")
    proof = {"token": token, "password": PASSWORD}
    assert (await anonymous.post("/v1/verify-email", json=proof)).status_code < 300
    login = {"login": email, "password": PASSWORD}
    assert (await anonymous.post("/v1/login", json=login)).status_code == 200
    # Once more: whoever has the address learns of it, whoever has not learns nothing.
    assert (await anonymous.post("/v1/signup", json=given)).status_code < 300
    assert str(mail_to(email)["Subject"]).startswith("You have a login at")


async def test_somebody_forgets_the_password(
    anonymous: httpx2.AsyncClient, people: People, mail_to: Read
) -> None:
    ada = people.add()
    asked = await anonymous.post("/v1/password-reset", json={"email": ada.email})
    assert asked.status_code < 300
    token = _token(mail_to(ada.email), "/reset-password")
    given = {"token": token, "password": NEW}
    assert (await anonymous.post("/v1/password-reset/confirm", json=given)).status_code < 300
    assert str(mail_to(ada.email)["Subject"]).startswith("Your password for")
    login = {"login": ada.email, "password": NEW}
    assert (await anonymous.post("/v1/login", json=login)).status_code == 200


async def test_somebody_has_another_address(people: People, mail_to: Read) -> None:
    ada = people.add()
    browser = await people.log_in(ada)
    email = f"{ids.new().hex}@example.com"
    asked = await browser.post("/v1/me/email", json={"email": email, "password": PASSWORD})
    assert asked.status_code < 300
    token = _token(mail_to(email), "/change-email")
    assert (await browser.post("/v1/me/email/confirm", json={"token": token})).status_code == 200
    note = mail_to(ada.email)
    assert "has another e-mail address" in str(note["Subject"])
    assert email not in str(note)


async def test_somebody_is_invited(
    anonymous: httpx2.AsyncClient, school: School, mail_to: Read
) -> None:
    email = f"{ids.new().hex}@example.com"
    asked = await school.owner.post("/v1/invitations", json={"email": email, "role": "cashier"})
    assert asked.status_code == 201, asked.text
    mail = mail_to(email)
    assert mail["Subject"] == "North School invites you to books.example.com"
    given = {"token": _token(mail, "/invitation"), "name": "Ada", "password": PASSWORD}
    accepted = await anonymous.post("/v1/invitations/accept", json=given)
    assert accepted.status_code < 300, accepted.text
    assert accepted.json()["role"] == "cashier"
