"""Mails by a mail server: handed over once, to one person, and what its refusals mean."""

import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from tallystick.channels.mime import address
from tallystick.channels.smtp import Server, Smtp
from tallystick.kernel.tasks import Hopeless, Later
from tallystick.notices.channel import Message
from tests.channels.conftest import Opened, Post

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TASK = UUID("01930000-0000-7000-8000-000000000000")
MAIL = Message(TASK, "ann@example.com", "Grüße", "Héllo\n", "<p>Héllo</p>")
SENDER = address("Northfield <books@northfield.example>")


def _smtp(post: Post, user: str = "", scheme: str = "smtp", **options: object) -> Smtp:
    server = Server.at(f"{scheme}://{user}127.0.0.1:{post.port}")
    return Smtp(server, SENDER, **options)  # type: ignore[arg-type]


def test_a_mail_is_handed_over(opened: Opened) -> None:
    post = opened()
    _smtp(post).send(MAIL, NOW)
    [mail] = post.mails
    assert post.envelopes == [("books@northfield.example", ["ann@example.com"])]
    assert {name: mail[name] for name in ("From", "To", "Subject", "Message-ID", "Date")} == {
        "From": "Northfield <books@northfield.example>",
        "To": "ann@example.com",
        "Subject": "Grüße",
        "Message-ID": f"<{TASK}@northfield.example>",
        "Date": "Mon, 02 Mar 2026 09:00:00 +0000",
    }
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = mail.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content() == "Héllo\r\n"
    assert html.get_content() == "<p>Héllo</p>\r\n"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("450 4.2.1 <ann@example.com> is busy", Later),
        ("452 4.2.2 full", Later),
        ("550 5.1.1 <ann@example.com>: no such mailbox", Hopeless),
    ],
)
def test_a_refused_recipient(opened: Opened, said: str, kind: type[Exception]) -> None:
    post = opened()
    post.to_recipient = said
    with pytest.raises(kind) as raised:
        _smtp(post).send(MAIL, NOW)
    words = said[4:].replace("<ann@example.com>", "(address)")
    assert str(raised.value) == f"The mail server said {said[:3]}: {words}"
    assert post.mails == []


@pytest.mark.parametrize(
    ("said", "kind"), [("451 4.3.0 try later", Later), ("554 5.7.1 no spam", Hopeless)]
)
def test_a_refused_mail(opened: Opened, said: str, kind: type[Exception]) -> None:
    post = opened()
    post.to_data = said
    with pytest.raises(kind, match=f"The mail server said {said[:3]}"):
        _smtp(post).send(MAIL, NOW)
    post.to_data = "250 OK"
    _smtp(post).send(MAIL, NOW)
    assert len(post.mails) == 1


def test_a_connection_that_breaks_off_may_have_handed_it_over(opened: Opened) -> None:
    post = opened()
    post.drops = True
    with pytest.raises(Later):
        _smtp(post).send(MAIL, NOW)
    post.drops = False
    _smtp(post).send(MAIL, NOW)
    assert [mail["Message-ID"] for mail in post.mails] == [f"<{TASK}@northfield.example>"] * 2


def test_a_server_that_never_answers(opened: Opened) -> None:
    post = opened()
    post.hangs = True
    with pytest.raises(Later, match="did not answer in time"):
        _smtp(post, timeout_s=0.2).send(MAIL, NOW)


def test_a_server_that_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(Later, match=r"cannot be reached: Connection refused\."):
        _smtp(Post(port=port)).send(MAIL, NOW)


@pytest.mark.parametrize("scheme", ["starttls", "smtps"])
def test_an_encrypted_connection(opened: Opened, trusting: ssl.SSLContext, scheme: str) -> None:
    post = opened(tls=scheme)
    by = "smtps" if scheme == "smtps" else "smtp"
    _smtp(post, scheme=by, trusted=trusting).send(MAIL, NOW)
    assert len(post.mails) == 1
    # Nobody vouches for it otherwise.
    with pytest.raises(Later, match="is not safe: CERTIFICATE_VERIFY_FAILED"):
        _smtp(post, scheme=by).send(MAIL, NOW)
    assert len(post.mails) == 1


def test_a_password_goes_over_an_encrypted_connection_only(
    opened: Opened, trusting: ssl.SSLContext
) -> None:
    user = "ann:pa%20ss%2F%40%3A@"
    post = opened(tls="starttls", login=True)
    _smtp(post, user, trusted=trusting).send(MAIL, NOW)
    assert post.logins == [("ann", "pa ss/@:")]
    with pytest.raises(Later, match="The mail server said 535"):
        _smtp(post, "ann:wrong@", trusted=trusting).send(MAIL, NOW)
    plain = opened()
    with pytest.raises(Later, match="no password"):
        _smtp(plain, user).send(MAIL, NOW)
    assert (len(post.mails), plain.mails, plain.logins) == (1, [], [])


@pytest.mark.parametrize(
    "to",
    [
        "ann@example.com, bea@example.com",
        "ann@example.com,bea@example.com",
        "Ann <ann@example.com>",
        "ann@example.com\r\nBcc: bea@example.com",
        "ann@example.com\nRCPT TO:<bea@example.com>",
        "ann@example.com>\r\nDATA",
        "ann@ex\x00ample.com",
        "<ann@example.com>",
        "ann",
        "",
        "@example.com",
    ],
)
def test_there_is_one_recipient_or_no_mail(opened: Opened, to: str) -> None:
    post = opened()
    with pytest.raises(Hopeless, match="cannot be written"):
        _smtp(post).send(replace(MAIL, to=to), NOW)
    assert (post.mails, post.envelopes) == ([], [])


def test_an_address_that_the_server_cannot_write(opened: Opened) -> None:
    post = opened()
    with pytest.raises(Hopeless):
        _smtp(post).send(replace(MAIL, to="änn@example.com"), NOW)
    assert post.mails == []


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.com",
        "smtp://",
        "smtp://mail.example.com:port",
        "smtp://mail.example.com/inbox",
        "smtp://ann@mail.example.com",
        "mail.example.com",
    ],
)
def test_what_is_no_mail_server(url: str) -> None:
    with pytest.raises(
        ValueError, match=r"no address of a mail server|without a password"
    ) as raised:
        Server.at(url)
    assert url not in str(raised.value)


def test_the_ports_of_mail_servers() -> None:
    assert [Server.at(f"{each}://mail.example.com").port for each in ("smtp", "smtps")] == [25, 465]
    assert "hush" not in repr(Server.at("smtps://ann:hush@mail.example.com"))


def test_a_look_hands_nothing_over(opened: Opened) -> None:
    post = opened()
    assert _smtp(post).look() == f"handed to 127.0.0.1, port {post.port}"
    assert post.mails == []
    with pytest.raises(Later, match="no password"):
        _smtp(post, "ann:hush@").look()
