"""How a date on a wall calendar becomes an instant."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.foundation import clock

ZONES = st.sampled_from(
    ["UTC", "Africa/Lagos", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe",
     "Asia/Kathmandu", "Pacific/Apia", "America/Havana", "Africa/Casablanca"]
)  # fmt: skip
DAYS = st.dates(date(2000, 1, 1), date(2199, 12, 31))
TIMES = st.times().map(lambda moment: moment.replace(microsecond=0))


def _berlin(day: date, at: time) -> str:
    return clock.instant(day, at, "Europe/Berlin").isoformat()


def test_a_skipped_time_is_read_with_the_offset_from_before() -> None:
    assert _berlin(date(2027, 3, 28), time(2, 30)) == "2027-03-28T01:30:00+00:00"  # shown as 03:30
    assert _berlin(date(2027, 3, 28), time(3, 30)) == "2027-03-28T01:30:00+00:00"


def test_a_time_that_happens_twice_is_the_first_of_the_two() -> None:
    assert _berlin(date(2027, 10, 31), time(2, 30)) == "2027-10-31T00:30:00+00:00"
    assert _berlin(date(2027, 10, 31), time(2, 30, fold=1)) == "2027-10-31T00:30:00+00:00"
    assert _berlin(date(2027, 10, 31), time(3, 0)) == "2027-10-31T02:00:00+00:00"


@given(day=DAYS, at=TIMES, zone=ZONES)
def test_at_the_instant_of_a_local_time_a_clock_on_the_wall_shows_that_time(
    day: date, at: time, zone: str
) -> None:
    moment = clock.instant(day, at, zone)
    shown = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    said = datetime.combine(day, at)
    assert timedelta(0) <= shown - said <= timedelta(days=1), "later only by a skipped time"
    if shown == said:
        assert clock.local_date(moment, zone) == day


@given(first=DAYS, count=st.integers(0, 400))
def test_nights_are_the_dates_from_check_in_to_before_check_out(first: date, count: int) -> None:
    nights = clock.nights(first, first + timedelta(days=count))
    assert len(nights) == count
    assert nights == sorted(set(nights))
    assert not nights or (nights[0], nights[-1]) == (first, first + timedelta(days=count - 1))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Berlin",
        "europe/berlin",
        "../etc/passwd",
        "+02:00",
        "\x00",
        "localtime",
        "Factory",
        "posixrules",
        "posix/Europe/Berlin",
        "right/UTC",
    ],
)
def test_a_name_of_no_time_zone_is_refused(name: str) -> None:
    assert not clock.is_zone(name)


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("Africa/Casablanca", 15), ("America/Winnipeg", 20), ("America/Edmonton", 21)],
)
def test_clocks_that_were_not_changed_in_the_autumn_of_2026_are_known(zone: str, hour: int) -> None:
    """Morocco stays at +00 since 2026-09-20; Manitoba and Alberta did not go back in November."""
    assert clock.instant(date(2026, 12, 10), time(15), zone).hour == hour


def test_the_zones_in_use_are_those_of_the_lock_file_whatever_the_machine_has(
    tmp_path: Path,
) -> None:
    """The machine says that clocks in Casablanca go as those in Tokyo."""
    wrong = files("tzdata") / "zoneinfo" / "Asia" / "Tokyo"
    (tmp_path / "Africa").mkdir()
    (tmp_path / "Africa" / "Casablanca").write_bytes(wrong.read_bytes())
    program = (
        "import zoneinfo; zoneinfo.ZoneInfo('Africa/Casablanca')\n"  # somebody was there first
        "from datetime import date, time\n"
        "from app.foundation import clock\n"
        "print(clock.instant(date(2026, 12, 10), time(15), 'Africa/Casablanca'), clock.ZONE_DATA)"
    )
    printed = subprocess.check_output(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONTZPATH": str(tmp_path)}, text=True
    )
    assert printed.split() == ["2026-12-10", "15:00:00+00:00", clock.ZONE_DATA]


def test_the_date_at_one_instant_differs_by_place() -> None:
    moment = datetime(2027, 3, 1, 23, 30, tzinfo=UTC)
    assert clock.local_date(moment, "Pacific/Auckland") == date(2027, 3, 2)
    assert clock.local_date(moment, "Pacific/Honolulu") == date(2027, 3, 1)
    assert clock.is_zone("Pacific/Auckland")


@pytest.mark.parametrize(
    ("country", "zone"),
    [("KE", "Africa/Nairobi"), ("CM", "Africa/Douala"), ("CM", "Africa/Lagos"),
     ("IN", "Asia/Kolkata"), ("IN", "Asia/Calcutta"), ("US", "America/Detroit"),
     ("MA", "Africa/Casablanca")],
)  # fmt: skip
def test_a_zone_of_a_country_is_known_by_each_of_its_names(country: str, zone: str) -> None:
    assert zone in clock.zones_of(country)
    assert clock.is_country(country)


def test_a_zone_of_another_country_is_told_apart() -> None:
    assert "Asia/Riyadh" not in clock.zones_of("KE")  # what a program made of coordinates
    assert clock.zones_of("XX") == frozenset()
    assert [clock.is_country(code) for code in ("XX", "", "ke", "KEN")] == [False] * 4


def test_a_listing_of_long_ago_whose_zone_is_none_goes_by_utc() -> None:
    assert clock.instant(date(2027, 1, 1), time(15), "localtime").hour == 15
