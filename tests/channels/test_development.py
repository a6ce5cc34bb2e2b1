"""Mails where there is no mail server: in a folder, or on the terminal."""

import io
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tallystick.channels.console import Console
from tallystick.channels.mailbox import Mailbox
from tallystick.kernel.tasks import Hopeless, Later
from tests.channels.test_smtp import MAIL, NOW, SENDER


def test_a_mail_in_a_folder(tmp_path: Path) -> None:
    box = Mailbox(tmp_path / "in" / "here", SENDER)
    box.send(MAIL, NOW)
    box.send(MAIL, NOW)
    [path] = (tmp_path / "in" / "here").iterdir()
    assert path.name == f"{MAIL.id}.eml"
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert (mail["To"], mail["Subject"]) == ("ann@example.com", "Grüße")


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Later, match="The mailbox cannot be written to"):
        Mailbox(tmp_path / "file", SENDER).send(MAIL, NOW)


def test_a_mail_on_the_terminal() -> None:
    out = io.StringIO()
    console = Console(out, SENDER)
    console.send(MAIL, NOW)
    assert out.getvalue().splitlines() == [
        "A mail, printed since no mail server is set:",
        "  | To: ann@example.com",
        "  | Subject: Grüße",
        "  |",
        "  | Héllo",
    ]
    with pytest.raises(Hopeless):
        console.send(replace(MAIL, to="a@example.com\n  | Subject: x"), NOW)
