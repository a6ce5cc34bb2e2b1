"""What the variables of older contracts mean in our words: pure, reads no environment."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

OLDER: Final = {
    "database_url": "DATABASE_URL",
    "api_key": "API_KEY",
    "api_v1_prefix": "API_V1_PREFIX",
    "environment": "ENVIRONMENT",
    "log_level": "LOG_LEVEL",
}
"""The variables of older contracts, by the setting that each stands for."""
ALWAYS: Final = {"fakepay_url": "FAKEPAY_URL"}
"""Variables of older contracts that go before ours."""
DATABASE_PARTS: Final = ("DB_USER", "DB_PASSWORD", "DB_URL")
"""A database of MySQL in three variables, where there is no address of one in a single variable."""

_ENVIRONMENTS: Final = dict.fromkeys(("dev", "local", "test", "testing"), "development")
_LEVELS: Final = {"warn": "warning", "critical": "error", "fatal": "error"}
_PLACE: Final = re.compile(r"[^\s/@?#]+/[^\s/@?#]+")


def translated(sent: Mapping[str, str | None], variables: Mapping[str, str]) -> dict[str, str]:
    """Find variables among those that were sent, and give the values of our settings."""
    given = {name: sent.get(variable) for name, variable in variables.items()}
    found = {name: value for name, value in given.items() if value}
    if given.get("api_key") == "":
        # An empty key was meant to be one, so it must not pass for none.
        found["api_key"] = ""
    if (environment := found.get("environment")) is not None:
        small = environment.lower()
        # Whatever is no place to try things out is guarded like production.
        known = "development" if small == "development" else "production"
        found["environment"] = _ENVIRONMENTS.get(small, known)
    if (level := found.get("log_level")) is not None:
        found["log_level"] = _LEVELS.get(level.lower(), level)
    if (url := found.get("database_url")) is not None:
        # The driver is ours to choose: theirs may be an asynchronous one.
        scheme, separator, rest = url.partition("://")
        engine = scheme.partition("+")[0]
        found["database_url"] = (
            ("postgresql" if engine == "postgres" else engine) + separator + rest
        )
    elif "database_url" in variables and sent.get("DB_URL"):
        found["database_url"] = _database(sent)
    return found


def _database(sent: Mapping[str, str | None]) -> str:
    """Put the address of a database together; an empty one where that cannot be done."""
    user, password, place = (sent.get(name) or "" for name in DATABASE_PARTS)
    if not _PLACE.fullmatch(place):
        return ""
    name = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    return f"mysql://{name}@{place}" if name else f"mysql://{place}"
