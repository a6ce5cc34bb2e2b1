"""Compare what providers report with our books, now and for any time."""

from dataclasses import asdict
from datetime import UTC, date, datetime, time
from typing import Any

from tallystick import settings, wiring
from tallystick.cli import opened
from tallystick.cli.output import say, show_json, show_table
from tallystick.kernel import clock
from tallystick.kernel.errors import Refused, Unavailable, shown
from tallystick.payments.comparing import SINCE, Difference, compare
from tallystick.payments.provider import Provider
from tallystick.settings import BadSetting

SHOWN = ("provider", "kind", "what", "key", "organization_id", "id", "detail")


def reconcile(*, provider: str | None, since: date | None, as_json: bool) -> bool:
    """Compare, and give whether both sides say the same and every provider told its report."""
    until = clock.now()
    start = until - SINCE if since is None else datetime.combine(since, time(), UTC)
    found: list[Difference] = []
    away: list[str] = []
    chosen = settings.load()
    asked = _asked(wiring.open_providers(chosen), provider)
    wiring.start_logs(chosen)
    with opened.database() as database:
        for each in asked:
            try:
                found += compare(database, each, start, until)
            except Unavailable as error:
                away.append(error.detail)
    if as_json:
        show_json({"differences": [_written(one) for one in found], "problems": away})
    else:
        rows = [[written[name] or "" for name in SHOWN] for written in map(_written, found)]
        show_table(SHOWN, rows)
        _say(asked, found, away)
    return not found and not away


def _asked(providers: dict[str, Provider], name: str | None) -> list[Provider]:
    if name is None:
        return [each for each in providers.values() if each.abilities.reports]
    if name not in providers:
        there_are = ", ".join(sorted(providers))
        raise Refused(
            "provider.unknown", f"There is no provider {shown(name)}. There are {there_are}."
        )
    if not providers[name].abilities.reports:
        more = " Does it need TALLYSTICK_FAKEPAY_SECRET?" if name == wiring.FAKEPAY else ""
        raise BadSetting(f"The provider {name} tells no report.{more}")
    return [providers[name]]


def _say(asked: list[Provider], found: list[Difference], away: list[str]) -> None:
    for sentence in away:
        say(sentence)
    if not asked:
        say("No provider tells a report, so there is nothing to compare.")
    elif found:
        say(f"{len(found)} differences. What could be chosen was; see `tallystick alarms`.")
    elif not away:
        say(f"{', '.join(each.name for each in asked)} and our books say the same.")


def _written(one: Difference) -> dict[str, Any]:
    ids = ("key", "organization_id", "id")
    values = asdict(one)
    return values | {name: str(values[name]) if values[name] else None for name in ids}
