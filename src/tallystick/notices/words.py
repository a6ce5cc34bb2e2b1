"""What each mail says. Subject, plain text and HTML are made of the same words.

The words are Jinja templates, which the composer fills in a sandbox. They know:

    name          of the person; may be empty
    email         the address that this is about
    organization  the one that invites
    role          what somebody is invited as
    site          where this runs, without the scheme
    when          when it happened
    until         when the link ends
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one kind of mail."""

    subject: str
    preheader: str
    """What a list of mails shows behind the subject."""
    heading: str
    paragraphs: tuple[str, ...]
    button: str | None = None
    path: str = ""
    """Where the button leads, below the base URL."""
    after: tuple[str, ...] = ()
    """What stands below the button, in a smaller voice."""


_IF_NOT = "If this was not you, do nothing: "

WORDS: Final[dict[str, Words]] = {
    "verify_email": Words(
        subject="Confirm your e-mail address for {{ site }}",
        preheader="One step is left until your login can be used.",
        heading="Confirm your e-mail address",
        paragraphs=(
            (
                "Somebody, most likely you, made a login at {{ site }} with the address "
                "{{ email }}. Confirm that it is yours, with the password that you chose."
            ),
        ),
        button="Confirm this address",
        path="/verify-email",
        after=(
            "The link works once, until {{ until }}.",
            _IF_NOT + "nobody can use the login without this link.",
        ),
    ),
    "reset_password": Words(
        subject="Choose a new password for {{ site }}",
        preheader="The link works once, until {{ until }}.",
        heading="Choose a new password",
        paragraphs=(
            (
                "Somebody, most likely you, forgot the password of {{ email }} at {{ site }}. "
                "Choose a new one here; every browser is logged out then."
            ),
        ),
        button="Choose a new password",
        path="/reset-password",
        after=(
            "The link works once, until {{ until }}.",
            _IF_NOT + "your password stays as it is.",
        ),
    ),
    "first_password": Words(
        subject="Choose a password for {{ site }}",
        preheader="There is a login for you. The link works once, until {{ until }}.",
        heading="Choose a password",
        paragraphs=(
            (
                "Whoever looks after {{ site }} made a login for you, with the address "
                "{{ email }}. Choose a password here, and it is yours."
            ),
        ),
        button="Choose a password",
        path="/reset-password",
        after=(
            "The link works once, until {{ until }}. Ask for another one there after that.",
            "If you do not know {{ site }}, do nothing.",
        ),
    ),
    "change_email": Words(
        subject="Confirm your new e-mail address for {{ site }}",
        preheader="Your login moves to {{ email }} once you confirm it.",
        heading="Confirm your new address",
        paragraphs=(
            (
                "You asked that your login at {{ site }} have the address {{ email }}. Confirm "
                "that it is yours while you are logged in."
            ),
        ),
        button="Confirm the new address",
        path="/change-email",
        after=(
            "The link works once, until {{ until }}. Until then your old address stays.",
            _IF_NOT + "without this link nothing changes.",
        ),
    ),
    "email_changed": Words(
        subject="Your login at {{ site }} has another e-mail address",
        preheader="{{ email }} is no longer the address of your login.",
        heading="Your login has another address",
        paragraphs=(
            (
                "On {{ when }} the address of your login at {{ site }} was changed. {{ email }} "
                "is no longer part of it, and our mails go to the new address from now on."
            ),
            (
                "If this was not you, somebody else has your login. Tell whoever runs {{ site }} "
                "at once."
            ),
        ),
    ),
    "password_changed": Words(
        subject="Your password for {{ site }} was changed",
        preheader="If this was you, there is nothing to do.",
        heading="Your password was changed",
        paragraphs=(
            (
                "On {{ when }} the password of the login {{ email }} at {{ site }} was changed, "
                "and other browsers were logged out. If this was you, there is nothing to do."
            ),
            "If this was not you, choose a new password at once, and tell whoever runs {{ site }}.",
        ),
        button="Choose a new password",
        path="/reset-password",
    ),
    "somebody_signed_up_again": Words(
        subject="You have a login at {{ site }} already",
        preheader="Nothing was changed. Log in with the password that you have.",
        heading="You have a login already",
        paragraphs=(
            (
                "Somebody, most likely you, signed up at {{ site }} with the address {{ email }}. "
                "It has a login already, so nothing was changed. Log in with the password that "
                "you have, or choose a new one there."
            ),
        ),
        button="Log in",
        path="/login",
        after=("If this was not you, there is nothing to do: nobody learned that you have one.",),
    ),
    "invitation": Words(
        subject="{{ organization }} invites you to {{ site }}",
        preheader="You would be {{ role }} of {{ organization }}.",
        heading="{{ organization }} invites you",
        paragraphs=(
            (
                "{{ organization }} keeps its invoices and payments at {{ site }} and invites "
                "{{ email }} to work on them. Your role there is {{ role }}."
            ),
        ),
        button="Accept the invitation",
        path="/invitation",
        after=(
            "The link works once, until {{ until }}.",
            "If you do not know {{ organization }}, do nothing.",
        ),
    ),
}
"""By kind. A task is of the kind `mail.` and this; `first_password` is the `reset_password` of
somebody who has none yet.
"""
