"""Moments, and the calendar days on which they fall."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from tallystick.kernel import clock


def test_now_is_in_utc_to_the_microsecond() -> None:
    first, second = clock.now(), clock.now()
    assert first.tzinfo is UTC
    assert first <= second
    assert second - first < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        (datetime(2027, 3, 28, 0, 59, 58, tzinfo=UTC), "America/Mexico_City", date(2027, 3, 27)),
        (datetime(2027, 3, 28, 0, 59, 58, tzinfo=UTC), "Europe/Madrid", date(2027, 3, 28)),
        (datetime(2027, 3, 28, 0, 59, 58, tzinfo=UTC), "Pacific/Auckland", date(2027, 3, 28)),
        (datetime(2026, 12, 31, 10, 59, 59, tzinfo=UTC), "Pacific/Auckland", date(2026, 12, 31)),
        (datetime(2026, 12, 31, 11, 0, 0, tzinfo=UTC), "Pacific/Auckland", date(2027, 1, 1)),
        (datetime(2027, 1, 1, 5, 59, 59, tzinfo=UTC), "America/Mexico_City", date(2026, 12, 31)),
        (datetime(2027, 1, 1, 6, 0, 0, tzinfo=UTC), "America/Mexico_City", date(2027, 1, 1)),
        (datetime(2028, 2, 28, 23, 30, tzinfo=UTC), "Europe/Berlin", date(2028, 2, 29)),
        (datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), "Europe/Berlin", date(2026, 3, 29)),
        (
            datetime(2026, 6, 30, 23, 0, tzinfo=timezone(timedelta(hours=-2))),
            "UTC",
            date(2026, 7, 1),
        ),
    ],
)
def test_the_day_of_a_moment(moment: datetime, zone: str, day: date) -> None:
    assert clock.day(moment, zone) == day


def test_a_moment_is_written_in_utc() -> None:
    moment = datetime(2026, 3, 31, 23, 59, 59, 1, tzinfo=timezone(timedelta(hours=2)))
    assert clock.text(moment) == "2026-03-31T21:59:59.000001Z"
    assert clock.text(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000000Z"


def test_time_zones_are_known_by_name() -> None:
    assert {"UTC", "Europe/Berlin", "America/Mexico_City", "Pacific/Auckland"} <= clock.zones()
    assert "Europe/Nowhere" not in clock.zones()


def test_a_zone_that_is_another_one_on_each_machine_is_none() -> None:
    assert "localtime" not in clock.zones()
