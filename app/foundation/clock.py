"""Time zones: from a local date and time to an instant, and back to a date.

Only this file imports zoneinfo. Governments change their clocks at short notice, and the system's
zones may be years old: so all processes on all machines use those of the package tzdata, which
the lock file pins.
"""

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import tzdata

zoneinfo.reset_tzpath(())  # no system's zones, wherever they are
ZoneInfo.clear_cache()

ZONE_DATA: Final = tzdata.IANA_VERSION  # such as 2026f

# Names that systems and the zone data have for what is no place.
_NO_ZONES: Final = frozenset({"Factory", "localtime", "posixrules"})


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) - _NO_ZONES


def is_zone(name: str) -> bool:
    """Whether an IANA time zone has this name."""
    return name in _zones()


def instant(day: date, at: time, zone: str) -> datetime:
    """The UTC instant at which it is this date and time in `zone`.

    A time that a clock change skips is read with the offset from before the change (02:30 becomes
    03:30, see RFC 5545 §3.3.5). Of a time that happens twice, the first instant is taken.
    """
    local = datetime.combine(day, at, tzinfo=ZoneInfo(zone))
    return local.replace(fold=0).astimezone(UTC)


def local(moment: datetime, zone: str) -> datetime:
    """The date and time in `zone` at an instant."""
    return moment.astimezone(ZoneInfo(zone))


def local_date(moment: datetime, zone: str) -> date:
    """The date in `zone` at an instant."""
    return local(moment, zone).date()


def nights(first: date, last: date) -> list[date]:
    """The nights of a stay: from the check-in date `first` up to the night before `last`."""
    return [first + timedelta(days=n) for n in range((last - first).days)]
