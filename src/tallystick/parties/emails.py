"""E-mail addresses: what can be one, and how two are compared."""

import re
import string
from typing import Final

# Printable ASCII alone: other letters change their number in small letters, or fall together with
# one of these. 254 characters at most.
_EMAIL: Final = re.compile(r"[!-?A-~]{1,64}@[!-?A-~]{1,189}")
_SMALL: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def is_email(text: str) -> bool:
    """Tell whether a text can be an e-mail address; a domain of other letters in its ASCII form."""
    return _EMAIL.fullmatch(text) is not None


def email_key(email: str) -> str:
    """Give an e-mail address as it is compared: in small letters."""
    return email.translate(_SMALL)
