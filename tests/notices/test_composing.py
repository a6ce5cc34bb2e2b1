"""What mails look like: the same words in every form, and nobody's name is more than a name."""

import re
from email import message_from_bytes, policy
from html.parser import HTMLParser

import pytest
from jinja2.exceptions import SecurityError
from typing_extensions import override

from tallystick.channels.mime import address, mime
from tallystick.kernel import ids
from tallystick.notices.composing import Composer, Letter, moment, one_line
from tallystick.notices.words import WORDS
from tests.factories import START

BASE = "https://books.northfield.example/at"
FACTS = {
    "email": "ann@example.com",
    "organization": "Northfield & Sons",
    "role": "accountant",
    "when": "2 March 2026, 09:00 UTC",
    "until": "2 March 2026, 10:00 UTC",
}
LINKED = {kind for kind, words in WORDS.items() if words.button}
NASTY = (
    "Eve\r\nBcc: all@example.com\r\n\r\n<script>x</script> {{ 7*7 }} {% raw %}\u202e\x00\u2028end"
)


class _Words(HTMLParser):
    """Reads the text and the links of a page as a person sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: set[str] = set()
        self._hidden = False

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden = tag in {"style", "title"}
        for name, value in attrs:
            assert not name.startswith("on")
            if name in {"href", "src"}:
                self.links.add(value or "")

    @override
    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    @override
    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)


def _read(html: str) -> _Words:
    page = _Words()
    page.feed(html)
    return page


def _flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("kind", WORDS)
def test_every_form_says_the_same(kind: str) -> None:
    letter = Letter(kind, "ann@example.com", "Ann", FACTS, "a-token_1")
    message = Composer(BASE).compose(letter, ids.new())
    page = _read(message.html)
    shown = _flat(" ".join(page.text))
    assert len(message.html.encode()) < 20_000
    assert "Hello Ann," in shown
    for line in _flat(message.text).split(" -- ")[0].split("\n"):
        assert "{{" not in line
    for paragraph in [each for each in message.text.split("\n\n") if "://" not in each][:-1]:
        for line in paragraph.strip().splitlines():
            assert _flat(line).rstrip(":") in shown
    words = WORDS[kind]
    link = f"{BASE}{words.path}?token=a-token_1"
    assert page.links == ({link} if words.button else set())
    assert (link in message.text) == bool(words.button)
    assert message.to == "ann@example.com"
    assert message.subject
    assert message.subject == message.subject.strip()


def test_a_subject_and_a_link() -> None:
    message = Composer(BASE + "/").compose(
        Letter("invitation", "ann@example.com", "", FACTS, "tok"), ids.new()
    )
    assert message.subject == "Northfield & Sons invites you to books.northfield.example/at"
    assert message.text.splitlines()[0] == "Hello,"
    assert f"Accept the invitation:\n{BASE}/invitation?token=tok\n" in message.text
    assert "<h1" in message.html
    assert "Northfield &amp; Sons invites you" in message.html


@pytest.mark.parametrize("kind", WORDS)
def test_what_people_wrote_is_only_ever_text(kind: str) -> None:
    facts = dict.fromkeys(FACTS, NASTY)
    message = Composer(BASE).compose(Letter(kind, "ann@example.com", NASTY, facts), ids.new())
    assert message.subject.isprintable()
    assert "<script" not in message.html
    assert (
        "49" not in message.html.replace("249", "").replace("#1b1c20", "")
        or "{{ 7*7 }}" in message.html
    )
    written = bytes(mime(message, address("a@example.com"), START))
    read = message_from_bytes(written, policy=policy.default)
    assert sorted(read.keys()) == sorted(
        [
            "Message-ID",
            "Date",
            "From",
            "To",
            "Subject",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
        ]
    )
    assert read["To"] == "ann@example.com"
    assert "all@example.com" not in str(read["To"])
    assert not re.search(rb"^bcc:", written.partition(b"\r\n\r\n")[0], re.IGNORECASE | re.MULTILINE)


def test_words_cannot_reach_behind_what_they_are_given() -> None:
    composer = Composer(BASE)
    environment = composer._plain  # noqa: SLF001  # there is no other way to words of one's own
    with pytest.raises(SecurityError):
        environment.from_string("{{ name.__class__.__mro__ }}").render(name="Ann")


def test_one_line() -> None:
    assert one_line(" a\r\n\tb\x00\u2028c\u202e ") == "a b c"
    assert one_line("x" * 500) == "x" * 199 + "…"


def test_a_moment_for_people() -> None:
    assert moment(START) == "2 March 2026, 09:00 UTC"
