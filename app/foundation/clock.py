"""Zones and local times: how a date on a wall calendar becomes an instant, once."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    """Whether an IANA time zone has this name."""
    return name in _zones()


def instant(day: date, at: time, zone: str) -> datetime:
    """The UTC instant at which a wall clock in `zone` shows this date and time.

    A time that a clock change skips is taken with the offset from before it (02:30 becomes 03:30,
    as RFC 5545 §3.3.5 has it); one that happens twice is the first of the two.
    """
    local = datetime.combine(day, at, tzinfo=ZoneInfo(zone))
    return local.replace(fold=0).astimezone(UTC)


def local_date(moment: datetime, zone: str) -> date:
    """The date that a wall calendar in `zone` shows at an instant."""
    return moment.astimezone(ZoneInfo(zone)).date()


def nights(first: date, last: date) -> list[date]:
    """The nights of a stay from check-in date `first` to check-out date `last` (exclusive)."""
    return [first + timedelta(days=n) for n in range((last - first).days)]
