"""From the words of a mail to its subject, its plain text and its HTML.

What people wrote (names of persons and organizations) is only ever filled in: never run, never
trusted to be one line, and escaped in HTML.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import css_inline
from jinja2 import BaseLoader, PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from tallystick.notices.channel import Message
from tallystick.notices.words import WORDS

LINE_MAX: Final = 200
"""Characters of a line that is made of what people wrote, such as a subject."""

_BREAKING = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_UNREADABLE = re.compile(r"[\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
# Else a list of mails would show the words of the body behind those of the preheader.
_PADDING: Final = "\u034f\u00a0" * 60


@dataclass(frozen=True, slots=True)
class Letter:
    """What one mail says, to whom."""

    kind: str
    to: str
    name: str
    """Of the person; may be empty."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the words know beside the name (`tallystick.notices.words`)."""
    token: str | None = None
    """What the link carries."""


class Composer:
    """Writes mails that lead to one site."""

    def __init__(self, base_url: str) -> None:
        """Take the address that links begin with."""
        self._base_url = base_url.rstrip("/")
        self._site = self._base_url.partition("://")[2]
        self._plain = _environment(escapes=False)
        self._marked = _environment(escapes=True)
        self._inliner = css_inline.CSSInliner(
            keep_at_rules=True, load_remote_stylesheets=False, minify_css=True
        )

    def compose(self, letter: Letter, message_id: UUID) -> Message:
        """Write a mail."""
        words = WORDS[letter.kind]
        known = {name: one_line(value) for name, value in letter.facts.items()}
        known |= {"site": self._site, "name": one_line(letter.name)}
        link = self._base_url + words.path
        if letter.token is not None:
            link += "?" + urlencode({"token": letter.token})

        def filled(environment: ImmutableSandboxedEnvironment, template: str) -> str:
            def fill(part: str) -> str:
                text = environment.from_string(part).render(known)
                # What it escaped must not be escaped again.
                return Markup(text) if environment.autoescape else text  # noqa: S704

            return environment.get_template(template).render(
                subject=fill(words.subject),
                preheader=fill(words.preheader),
                padding=_PADDING,
                heading=fill(words.heading),
                greeting=fill("Hello{% if name %} {{ name }}{% endif %},"),
                paragraphs=[fill(each) for each in words.paragraphs],
                button=words.button,
                link=link,
                after=[fill(each) for each in words.after],
                token=letter.token,
                site=self._site,
            )

        return Message(
            id=message_id,
            to=letter.to,
            subject=one_line(self._plain.from_string(words.subject).render(known)),
            text=filled(self._plain, "mail.txt"),
            html=self._inliner.inline(filled(self._marked, "mail.html")),
        )


def one_line(text: str) -> str:
    """Make one line of a text that people wrote, which no header can be hidden in."""
    line = _BREAKING.sub(" ", _UNREADABLE.sub("", text)).strip()
    return line if len(line) <= LINE_MAX else line[: LINE_MAX - 1] + "…"


def moment(at: datetime) -> str:
    """Write a moment for people, such as `22 November 2026, 09:14 UTC`."""
    return f"{at.day} " + at.astimezone(UTC).strftime("%B %Y, %H:%M UTC")


def _environment(*, escapes: bool) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=_loader(),
        autoescape=escapes,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _loader() -> BaseLoader:
    return PackageLoader("tallystick.notices")
