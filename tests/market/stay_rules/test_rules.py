"""Stay rules: beside a model in plain Python, in words, and those that make no sense."""

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import msgspec
import pytest
from hypothesis import assume, event, example, given
from hypothesis import strategies as st

from app.market.stay_rules import rules as host_rules
from app.market.stay_rules.model import (
    NewStayRules,
    NoDepartureOnThisDay,
    NoticeTooShort,
    StayRuleBroken,
    StayRules,
    StayTooShort,
)
from tests.market.stay_rules.model import DAY, NAMES, Model

ZONES: Final = (
    "Africa/Lagos", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Pacific/Apia",
    "Australia/Lord_Howe", "Pacific/Kiritimati", "Asia/Kathmandu",
)  # fmt: skip
# A leap day, a change of clocks to summer and to winter, a turn of a year, any week.
DAYS: Final = (
    date(2028, 2, 29), date(2027, 3, 28), date(2027, 10, 31), date(2027, 12, 31), date(2027, 6, 9),
)  # fmt: skip


def parsed(**rules: Any) -> StayRules:
    return msgspec.convert(rules, NewStayRules)


def place(now: datetime, zone: str = "Africa/Lagos", at: time = time(15)) -> host_rules.Place:
    return host_rules.Place(zone=zone, check_in_time=at, now=now)


def near(days: int) -> st.SearchStrategy[date]:
    return st.builds(
        lambda day, n: day + timedelta(days=n), st.sampled_from(DAYS), st.integers(-days, days)
    )


def nights() -> st.SearchStrategy[dict[str, Any]]:
    weekdays = st.none() | st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)
    return st.fixed_dictionaries({
        "nightsMin": st.none() | st.integers(1, 9),
        "nightsMax": st.none() | st.integers(1, 30),
        "arrivalDays": weekdays,
        "departureDays": weekdays,
    })  # fmt: skip


@st.composite
def sound_rules(draw: st.DrawFn) -> StayRules:
    """Rules that make sense, with up to three seasons around one of the days."""
    around, seasons = draw(st.sampled_from(DAYS)), list[dict[str, Any]]()
    begin = around - timedelta(days=draw(st.integers(0, 20)))
    for nth in range(draw(st.integers(0, 3))):
        first = begin + timedelta(days=draw(st.integers(0, 5)))
        last = first + timedelta(days=draw(st.integers(0, 12)))
        seasons.append({"name": f"S{nth}", "firstDay": str(first), "lastDay": str(last)})
        seasons[-1] |= draw(nights())
        begin = last + DAY
    rules = parsed(
        **draw(nights()),
        noticeDays=draw(st.sampled_from([0, 0, 1, 2, 30])),
        noticeHours=draw(st.sampled_from([0, 0, 1, 26, 168])),
        aheadDays=draw(st.none() | st.integers(1, 60)),
        seasons=seasons,
    )
    assume(not host_rules.errors(rules))
    return rules


@st.composite
def moments(draw: st.DrawFn) -> datetime:
    day = draw(near(40))
    minute = timedelta(minutes=draw(st.integers(0, 24 * 60)))
    return datetime.combine(day, time(0), tzinfo=UTC) + minute


def places() -> st.SearchStrategy[host_rules.Place]:
    return st.builds(
        host_rules.Place, zone=st.sampled_from(ZONES), check_in_time=st.times(), now=moments()
    )


SKIPPED_HOUR: Final = place(
    datetime(2027, 3, 27, 1, 30, tzinfo=UTC), zone="Europe/Berlin", at=time(2, 30)
)


@st.composite
def rules_and_days(draw: st.DrawFn) -> tuple[StayRules, date]:
    """Rules, and a day: often one at the edge of a season, where another rule begins."""
    rules = draw(sound_rules())
    edges = [day for each in rules.seasons for day in (each.first_day, each.last_day + DAY)]
    edge = st.sampled_from(edges or [DAYS[0]])
    beside = st.builds(lambda day, n: day - timedelta(days=n), edge, st.integers(0, 1))
    return rules, draw(beside if edges and draw(st.booleans()) else near(45))


@given(rules_and_days(), places(), st.integers(1, 40))
@example((parsed(noticeDays=1), date(2027, 3, 28)), SKIPPED_HOUR, 1)
def test_a_stay_is_refused_for_exactly_the_rules_that_forbid_it(
    given_rules: tuple[StayRules, date], where: host_rules.Place, count: int
) -> None:
    rules, check_in = given_rules
    check_out = check_in + timedelta(days=count)
    expected = Model(rules, where).refusals(check_in, check_out)
    broken = list(host_rules.breaches(rules, check_in, check_out, where))
    assert {problem.code for problem in broken} == expected
    event(f"{len(expected)} rules are broken")
    assert all(problem.status == 422 and problem.errors[0].field for problem in broken)


@given(rules_and_days(), places())
def test_a_calendar_shows_the_stays_that_are_allowed(
    given_rules: tuple[StayRules, date], where: host_rules.Place
) -> None:
    rules, first = given_rules
    model = Model(rules, where)
    days = [first + timedelta(days=n) for n in range(9)]
    calendar = host_rules.calendar(rules, first, first + timedelta(days=9), where)
    assert [day.may_arrive for day in calendar] == [model.may_arrive(day) for day in days]
    assert [day.may_depart for day in calendar] == [model.may_depart(day) for day in days]
    event(f"{sum(day.may_arrive for day in calendar)} days of 9 for arrivals")
    for day, shown in zip(days, calendar, strict=True):
        if shown.may_arrive:
            lengths = model.lengths(day)
            assert (shown.nights_min, shown.nights_max) == (min(lengths), max(lengths))


def test_without_rules_guests_arrive_from_today_for_three_years() -> None:
    now = datetime(2027, 6, 9, 23, 30, tzinfo=UTC)  # the tenth in Lagos
    first = date(2027, 6, 9)
    days = host_rules.calendar(None, first, first + timedelta(days=4), place(now))
    assert [day.may_arrive for day in days] == [False, True, True, True]
    assert [day.may_depart for day in days] == [False, False, True, True]
    assert {(day.nights_min, day.nights_max) for day in days} == {(1, 365)}
    last = date(2027, 6, 10) + timedelta(days=3 * 366 - 1)
    ends = host_rules.calendar(None, last, last + timedelta(days=2), place(now))
    assert [day.may_arrive for day in ends] == [True, False]


def test_days_of_notice_go_by_the_clock_on_the_wall_and_hours_by_the_hour() -> None:
    """The night to Sunday 28 March 2027 has an hour less in Berlin."""
    check_in = date(2027, 3, 28)
    a_day, hours = parsed(noticeDays=1), parsed(noticeHours=24)
    on_saturday = datetime(2027, 3, 27, 15, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    at_three = place(on_saturday.astimezone(UTC), "Europe/Berlin")
    host_rules.check(a_day, check_in, check_in + DAY, at_three)
    with pytest.raises(NoticeTooShort):
        host_rules.check(hours, check_in, check_in + DAY, at_three)
    an_hour_before = msgspec.structs.replace(at_three, now=at_three.now - timedelta(hours=1))
    host_rules.check(hours, check_in, check_in + DAY, an_hour_before)
    a_moment_later = msgspec.structs.replace(at_three, now=at_three.now + timedelta(seconds=1))
    with pytest.raises(NoticeTooShort, match="at least 1 day before check-in"):
        host_rules.check(a_day, check_in, check_in + DAY, a_moment_later)


def test_the_code_is_of_the_first_broken_rule_and_the_errors_of_all() -> None:
    rules = parsed(nightsMin=2, departureDays=["sunday"], aheadDays=3)
    friday = date(2027, 6, 11)
    with pytest.raises(StayTooShort) as refused:
        host_rules.check(rules, friday, friday + DAY, place(datetime(2027, 6, 1, tzinfo=UTC)))
    assert [(error.field, error.message) for error in refused.value.errors] == [
        ("checkOut", "a stay is at least 2 nights"),
        ("checkOut", "guests leave on Sunday"),
        ("checkIn", "must not be after 2027-06-04 yet"),
    ]
    on_sunday = parsed(departureDays=["sunday"])
    with pytest.raises(NoDepartureOnThisDay):
        host_rules.check(on_sunday, friday, friday + DAY, place(datetime(2027, 6, 1, tzinfo=UTC)))


def test_each_broken_rule_has_a_code_of_its_own() -> None:
    codes = {kind("").code for kind in StayRuleBroken.__subclasses__()}
    assert codes == {
        "stay_too_short", "stay_too_long", "no_arrival_on_this_day", "no_departure_on_this_day",
        "notice_too_short", "too_far_ahead", "nights_between_guests",
    }  # fmt: skip


def test_the_arrival_decides_which_season_s_rules_apply() -> None:
    summer = {"name": "Summer", "firstDay": "2027-07-01", "lastDay": "2027-08-31", "nightsMin": 7}
    rules = parsed(nightsMin=2, seasons=[summer])
    here = place(datetime(2027, 5, 1, tzinfo=UTC))
    host_rules.check(rules, date(2027, 6, 30), date(2027, 7, 2), here)
    host_rules.check(rules, date(2027, 8, 31), date(2027, 9, 7), here)
    for arrival in (date(2027, 7, 1), date(2027, 8, 31)):
        with pytest.raises(StayTooShort, match="at least 7 nights"):
            host_rules.check(rules, arrival, arrival + timedelta(days=6), here)
    host_rules.check(rules, date(2027, 9, 1), date(2027, 9, 3), here)
    nights = [
        day.nights_min
        for day in host_rules.calendar(rules, date(2027, 8, 30), date(2027, 9, 2), here)
    ]
    assert nights == [7, 7, 2]


def test_nobody_arrives_on_a_day_from_which_no_stay_ends_on_a_day_for_leaving() -> None:
    rules = parsed(arrivalDays=["friday", "saturday"], departureDays=["sunday"], nightsMax=1)
    friday = date(2027, 6, 11)
    here = place(datetime(2027, 6, 1, tzinfo=UTC))
    days = host_rules.calendar(rules, friday, friday + timedelta(days=3), here)
    assert [day.may_arrive for day in days] == [False, True, False]
    assert [day.may_depart for day in days] == [False, False, True]


def a_season(**fields: Any) -> dict[str, Any]:
    return {"name": "High", "firstDay": "2027-07-01", "lastDay": "2027-08-31"} | fields


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({}, []),
        ({"nightsMin": 2, "nightsMax": 14}, ["Stays of 2 to 14 nights"]),
        ({"nightsMin": 1}, []),
        ({"nightsMin": 3}, ["Stays of at least 3 nights"]),
        ({"nightsMax": 1}, ["Stays of 1 night"]),
        ({"nightsMax": 14}, ["Stays of at most 14 nights"]),
        ({"nightsMin": 7, "nightsMax": 7}, ["Stays of 7 nights"]),
        ({"arrivalDays": ["saturday", "friday"], "departureDays": ["sunday"]},
         ["Arrival on Friday or Saturday", "Departure on Sunday"]),
        ({"arrivalDays": ["sunday", "friday", "saturday"]},
         ["Arrival on Friday, Saturday or Sunday"]),
        ({"arrivalDays": list(NAMES)}, []),
        ({"noticeDays": 2}, ["At least 2 days before check-in"]),
        ({"noticeDays": 1, "noticeHours": 3}, ["At least 1 day and 3 hours before check-in"]),
        ({"aheadDays": 180}, ["Arrival at most 180 days ahead"]),
        ({"nightsBetween": 1}, ["1 night is kept empty between guests"]),
        ({"nightsBetween": 2}, ["2 nights are kept empty between guests"]),
        ({"nightsMin": 2, "seasons": [a_season(nightsMin=7, arrivalDays=["saturday"])]},
         ["Stays of at least 2 nights",
          "High, 1 July to 31 August 2027: stays of at least 7 nights, arrival on Saturday"]),
        ({"nightsMin": 2, "seasons": [a_season(nightsMin=1, arrivalDays=list(NAMES))]},
         ["Stays of at least 2 nights",
          "High, 1 July to 31 August 2027: stays of any length, arrival on any day"]),
        ({"seasons": [a_season(firstDay="2027-12-20", lastDay="2028-01-05", nightsMax=3),
                      a_season(firstDay="2027-06-01", lastDay="2027-06-01", nightsMin=2)]},
         ["High, 1 June 2027: stays of at least 2 nights",
          "High, 20 December 2027 to 5 January 2028: stays of at most 3 nights"]),
        ({"seasons": [a_season(firstDay="2027-01-01", lastDay="2027-05-30", nightsMin=2)]}, []),
    ],
)  # fmt: skip
def test_rules_are_said_in_words(rules: dict[str, Any], words: list[str]) -> None:
    assert host_rules.in_words(parsed(**rules), date(2027, 5, 31)) == words


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        ({"nightsMin": 3, "nightsMax": 2}, ["rules.nightsMax"]),
        ({"arrivalDays": ["friday", "friday"]}, ["rules.arrivalDays"]),
        ({"arrivalDays": ["friday"], "departureDays": ["friday"], "nightsMax": 6},
         ["rules.departureDays"]),
        ({"arrivalDays": ["friday"], "departureDays": ["friday"], "nightsMax": 7}, []),
        ({"arrivalDays": ["friday", "saturday"], "departureDays": ["sunday"], "nightsMax": 1}, []),
        ({"noticeDays": 3, "aheadDays": 2}, ["rules.aheadDays"]),
        ({"noticeHours": 49, "aheadDays": 2}, ["rules.aheadDays"]),
        ({"noticeHours": 48, "aheadDays": 2}, []),
        ({"seasons": [a_season()]}, ["rules.seasons[0]"]),
        ({"seasons": [a_season(nightsMin=2, lastDay="2027-06-30")]}, ["rules.seasons[0].lastDay"]),
        ({"nightsMin": 7, "seasons": [a_season(nightsMax=5)]}, ["rules.seasons[0].nightsMax"]),
        ({"nightsMax": 5, "seasons": [a_season(nightsMin=7)]}, ["rules.seasons[0].nightsMin"]),
        ({"nightsMin": 7, "nightsMax": 7, "departureDays": ["friday"],
          "seasons": [a_season(arrivalDays=["monday"])]}, ["rules.seasons[0].arrivalDays"]),
        ({"seasons": [a_season(lastDay="2027-07-02", arrivalDays=["saturday"])]},  # Thu, Fri
         ["rules.seasons[0].arrivalDays"]),
        ({"seasons": [a_season(lastDay="2027-07-03", arrivalDays=["saturday"])]}, []),
        ({"seasons": [a_season(nightsMin=2), a_season(nightsMin=3, firstDay="2027-08-31")]},
         ["rules.seasons[1].firstDay"]),
        ({"seasons": [a_season(nightsMin=2, firstDay="2027-08-31"), a_season(nightsMin=3)]},
         ["rules.seasons[0].firstDay"]),
        ({"seasons": [a_season(nightsMin=2), a_season(nightsMin=3, firstDay="2027-07-10",
                                                      lastDay="2027-07-11"),
                      a_season(nightsMin=2, firstDay="2027-08-31")]},
         ["rules.seasons[1].firstDay", "rules.seasons[2].firstDay"]),
        ({"seasons": [a_season(nightsMin=2), a_season(nightsMin=3, firstDay="2027-09-01",
                                                      lastDay="2027-09-01")]}, []),
    ],
)  # fmt: skip
def test_rules_that_nobody_could_keep_are_refused_with_the_field(
    rules: dict[str, Any], wrong: list[str]
) -> None:
    assert [error.field for error in host_rules.errors(parsed(**rules))] == wrong
