"""The one source of the present moment.

The core never asks for the time: an edge reads its clock once per command and the command carries
the moment (`tallystick.kernel.actor.Act.at`), so a retry and a replay see the same one.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo, available_timezones

Clock = Callable[[], datetime]
"""Gives the present moment, in UTC."""


def now() -> datetime:
    """Give the present moment of this machine, in UTC, to the microsecond."""
    return datetime.now(UTC)


def day(moment: datetime, zone: str) -> date:
    """Give the calendar day on which a moment falls in a time zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """Give the names of the time zones that this machine knows (IANA)."""
    # Not the one that means something else on each machine.
    return frozenset(available_timezones()) - {"localtime"}


@lru_cache(maxsize=1)
def zones_by_country() -> dict[str, str]:
    """Give the time zone of each country's most populous part, by its ISO 3166 code (IANA)."""
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for line in table.splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            # The most populous comes first.
            found.setdefault(country, zone)
    return found


def text(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC, such as `2026-03-31T21:59:59.000001Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
