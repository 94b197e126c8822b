"""Time zones: from a local date and time to an instant, and back to a date.

Only this file imports zoneinfo. Governments change their clocks at short notice, and the system's
zones may be years old: so all processes on all machines use those of the package tzdata, which
the lock file pins.
"""

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
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


def _zone(name: str) -> ZoneInfo:
    """A zone; UTC for the name of none, which a listing of long ago may have (`localtime`)."""
    return ZoneInfo(name if is_zone(name) else "UTC")


def is_country(code: str) -> bool:
    """Whether a country has this code of two letters (ISO 3166-1)."""
    return code in {fields[0] for fields in _table("iso3166.tab")}


def own_zones(country: str) -> list[str]:
    """The zones that are named after places of a country, by zone.tab; empty if none are known."""
    return [fields[2] for fields in _table("zone.tab") if fields[0] == country]


@lru_cache(maxsize=256)
def zones_of(country: str) -> frozenset[str]:
    """All zones that a country has, under all of their names; empty if none are known.

    By the tables of the zone data: zone.tab, zone1970.tab, and the links of tzdata.zi.
    """
    shared = {fields[2] for fields in _table("zone1970.tab") if country in fields[0].split(",")}
    own = shared.union(own_zones(country))
    lines = _read("tzdata.zi").splitlines()
    links = [line.split()[1:3] for line in lines if line.startswith("L ")]
    return frozenset(own | {name for target, name in links if target in own})


def _table(name: str) -> list[list[str]]:
    return [line.split("\t") for line in _read(name).splitlines() if not line.startswith("#")]


def _read(name: str) -> str:
    return (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")


def instant(day: date, at: time, zone: str) -> datetime:
    """The UTC instant at which it is this date and time in `zone`.

    A time that a clock change skips is read with the offset from before the change (02:30 becomes
    03:30, see RFC 5545 §3.3.5). Of a time that happens twice, the first instant is taken.
    """
    local = datetime.combine(day, at, tzinfo=_zone(zone))
    return local.replace(fold=0).astimezone(UTC)


def local(moment: datetime, zone: str) -> datetime:
    """The date and time in `zone` at an instant."""
    return moment.astimezone(_zone(zone))


def local_date(moment: datetime, zone: str) -> date:
    """The date in `zone` at an instant."""
    return local(moment, zone).date()


def nights(first: date, last: date) -> list[date]:
    """The nights of a stay: from the check-in date `first` up to the night before `last`."""
    return [first + timedelta(days=n) for n in range((last - first).days)]
