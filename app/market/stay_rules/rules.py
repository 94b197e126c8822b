"""Which stays the rules of a host allow. Weekdays are those of the place, as all dates are."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

import msgspec

from app.foundation import clock
from app.foundation.errors import FieldError
from app.market.stay_rules.model import (
    AHEAD_DAYS_MAX,
    NIGHTS_MAX,
    NO_RULES,
    NightRules,
    NoArrivalOnThisDay,
    NoDepartureOnThisDay,
    NoticeTooShort,
    Season,
    StayDay,
    StayRuleBroken,
    StayRules,
    StayTooLong,
    StayTooShort,
    TooFarAhead,
    Weekday,
)

_WEEKDAYS: Final = tuple(Weekday)
_EVERY_DAY: Final = frozenset(range(7))
_DAY: Final = timedelta(days=1)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stay is, and what time it is there: what rules about the calendar need."""

    zone: str
    check_in_time: time
    now: datetime

    @property
    def today(self) -> date:
        return clock.local_date(self.now, self.zone)


def place(zone: str, check_in_time: time | None, now: datetime) -> Place:
    """Where a stay is, and what time it is there. Raises ValueError for a trip, which has none."""
    if check_in_time is None:
        raise ValueError("a trip has no check-in, and no rules")
    return Place(zone=zone, check_in_time=check_in_time, now=now)


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """The rules for one arrival, complete. Weekdays are numbers, Monday is 0."""

    nights_min: int
    nights_max: int
    arrivals: frozenset[int]
    departures: frozenset[int]

    def lengths(self, arrival: int) -> tuple[int, int] | None:
        """The least and the most nights from an arrival on this weekday; None if there are none.

        Unlike `nights_min` and `nights_max` they end on a day on which guests may leave.
        """
        low, high = self.nights_min, self.nights_max
        shortest = (n for n in range(low, min(low + 7, high + 1)) if self._ends(arrival, n))
        longest = (n for n in range(high, max(high - 7, low - 1), -1) if self._ends(arrival, n))
        least = next(shortest, None)
        return None if least is None else (least, next(longest))

    def _ends(self, arrival: int, nights: int) -> bool:
        return (arrival + nights) % 7 in self.departures


def period(rules: StayRules, arrival: date) -> Period:
    """The rules for who arrives on this date: those of its season, else those of the listing."""
    seasons = rules.seasons
    season = next((each for each in seasons if each.first_day <= arrival <= each.last_day), None)
    return _merged(rules, season)


def _merged(rules: StayRules, season: NightRules | None) -> Period:
    own = season or rules
    return Period(
        nights_min=own.nights_min or rules.nights_min or 1,
        nights_max=own.nights_max or rules.nights_max or NIGHTS_MAX,
        arrivals=_numbers(own.arrival_days or rules.arrival_days),
        departures=_numbers(own.departure_days or rules.departure_days),
    )


def _numbers(days: Sequence[Weekday] | None) -> frozenset[int]:
    return frozenset(_WEEKDAYS.index(day) for day in days) if days else _EVERY_DAY


def check(rules: StayRules, check_in: date, check_out: date, place: Place) -> None:
    """Check that the rules allow a stay, except for the nights between guests, which claims keep.

    Raises the StayRuleBroken of the first rule that forbids it, with an error for each.
    """
    broken = list(breaches(rules, check_in, check_out, place))
    if broken:
        detail = "; ".join(f"{each.errors[0].field}: {each.detail}" for each in broken)
        raise type(broken[0])(detail, errors=[each.errors[0] for each in broken])


def breaches(
    rules: StayRules, check_in: date, check_out: date, place: Place
) -> Iterator[StayRuleBroken]:
    """The problem of each rule that forbids a stay, with the field that is wrong."""
    nights, of_season = (check_out - check_in).days, period(rules, check_in)
    least, most = of_season.nights_min, of_season.nights_max
    if nights < least:
        yield _broken(StayTooShort, "checkOut", f"a stay is at least {_count(least, 'night')}")
    if nights > most:
        yield _broken(StayTooLong, "checkOut", f"a stay is at most {_count(most, 'night')}")
    if check_in.weekday() not in of_season.arrivals:
        days = _names(of_season.arrivals)
        yield _broken(NoArrivalOnThisDay, "checkIn", f"guests arrive on {days}")
    if check_out.weekday() not in of_season.departures:
        days = _names(of_season.departures)
        yield _broken(NoDepartureOnThisDay, "checkOut", f"guests leave on {days}")
    if not _is_in_time(rules, check_in, place):
        yield _broken(NoticeTooShort, "checkIn", f"must be booked {_notice_words(rules)}")
    last = _last_arrival(rules, place)
    if last and check_in > last:
        yield _broken(TooFarAhead, "checkIn", f"must not be after {last} yet")


def _broken(problem: type[StayRuleBroken], field: str, message: str) -> StayRuleBroken:
    return problem(message, errors=[FieldError(field=field, message=message)])


def _is_in_time(rules: StayRules, check_in: date, place: Place) -> bool:
    """Whether a stay from this date can still be booked.

    Days of notice go by the clocks of the place: two days before check-in at 15:00 are 15:00 two
    days earlier, also when the clocks change in between. Hours are hours.
    """
    if not _notice(rules):
        return True
    day = check_in - timedelta(days=rules.notice_days)
    local = clock.instant(day, place.check_in_time, place.zone)
    return place.now <= local - timedelta(hours=rules.notice_hours)


def _notice(rules: StayRules) -> timedelta:
    return timedelta(days=rules.notice_days, hours=rules.notice_hours)


def _last_arrival(rules: StayRules, place: Place) -> date | None:
    return place.today + timedelta(days=rules.ahead_days) if rules.ahead_days else None


# ---- a calendar ---------------------------------------------------------------------------------


def calendar(rules: StayRules | None, first: date, last: date, place: Place) -> list[StayDay]:
    """What the rules say of each day from `first` to the one before `last`."""
    rules = rules or NO_RULES
    periods = _periods(rules, first - timedelta(days=NIGHTS_MAX), last)
    arrivals = _arrivals(rules, periods, place)
    days = [first + timedelta(days=n) for n in range((last - first).days)]
    return [_stay_day(day, periods[day], arrivals) for day in days]


def _periods(rules: StayRules, first: date, last: date) -> dict[date, Period]:
    """The rules for each arrival from `first` to the day before `last`."""
    days = [first + timedelta(days=n) for n in range((last - first).days)]
    periods = dict.fromkeys(days, _merged(rules, None))
    for season in rules.seasons:
        own = _merged(rules, season)
        begin, end = max(season.first_day, first), min(season.last_day + _DAY, last)
        periods |= {begin + timedelta(days=n): own for n in range((end - begin).days)}
    return periods


def _arrivals(rules: StayRules, periods: dict[date, Period], place: Place) -> dict[date, Period]:
    """Those of these days on which the rules let somebody arrive."""
    earliest = _first_arrival(rules, place)
    latest = place.today + timedelta(days=min(rules.ahead_days or _FAR, _FAR))
    return {
        day: own
        for day, own in periods.items()
        if earliest <= day <= latest
        and day.weekday() in own.arrivals
        and own.lengths(day.weekday())
    }


_FAR: Final = AHEAD_DAYS_MAX - 1  # a stay ends at most AHEAD_DAYS_MAX ahead, and has a night


def _first_arrival(rules: StayRules, place: Place) -> date:
    """The first day for which there is notice enough: a later day has more."""
    day = place.today + timedelta(days=max(rules.notice_days - 1, 0))
    while not _is_in_time(rules, day, place):
        day += _DAY
    return day


def _stay_day(day: date, own: Period, arrivals: dict[date, Period]) -> StayDay:
    low, high = own.lengths(day.weekday()) or (own.nights_min, own.nights_max)
    return StayDay(
        may_arrive=day in arrivals,
        may_depart=_is_end(day, arrivals),
        nights_min=low,
        nights_max=high,
    )


def _is_end(day: date, arrivals: dict[date, Period]) -> bool:
    """Whether somebody who arrived on one of these days may leave on this one."""
    weekday = day.weekday()
    for nights in range(1, NIGHTS_MAX + 1):
        rules = arrivals.get(day - timedelta(days=nights))
        if rules and weekday in rules.departures and rules.nights_min <= nights <= rules.nights_max:
            return True
    return False


# ---- whether rules make sense -------------------------------------------------------------------


def errors(rules: StayRules) -> list[FieldError]:
    """Everything that is wrong with rules, by field, apart from years that nobody lives in."""
    found = [*_night_errors("rules", rules, rules)]
    if rules.ahead_days and timedelta(days=rules.ahead_days) < _notice(rules):
        found.append(_error("rules.aheadDays", "must not be less than the notice"))
    for nth, season in enumerate(rules.seasons):
        found += _season_errors(f"rules.seasons[{nth}]", season, rules)
    return found + list(_overlaps(rules.seasons))


def days(rules: StayRules) -> dict[str, date]:
    """The first and last days of all seasons, by field."""
    return {
        f"rules.seasons[{nth}].{name}": day
        for nth, season in enumerate(rules.seasons)
        for name, day in (("firstDay", season.first_day), ("lastDay", season.last_day))
    }


def _night_errors(path: str, own: NightRules, rules: StayRules) -> Iterator[FieldError]:
    """What is wrong with the nights and weekdays of a listing or a season of it."""
    for name, days in (("arrivalDays", own.arrival_days), ("departureDays", own.departure_days)):
        if days and len(set(days)) < len(days):
            yield _error(f"{path}.{name}", "must not name a day twice")
    whole = _merged(rules, own)
    if whole.nights_min > whole.nights_max and own.nights_max:
        message = f"must not be below {whole.nights_min}, the least nights"
        yield _error(f"{path}.nightsMax", message)
    elif whole.nights_min > whole.nights_max:
        message = f"must not be above {whole.nights_max}, the most nights"
        yield _error(f"{path}.nightsMin", message)
    elif not any(whole.lengths(day) for day in whole.arrivals):
        given = {"departureDays": own.departure_days, "arrivalDays": own.arrival_days}
        field = next((name for name, days in given.items() if days), "nightsMin")
        yield _error(f"{path}.{field}", "no stay that is as long begins and ends on these days")


def _season_errors(path: str, season: Season, rules: StayRules) -> Iterator[FieldError]:
    if season.last_day < season.first_day:
        yield _error(f"{path}.lastDay", "must not be before firstDay")
        return
    own = (season.nights_min, season.nights_max, season.arrival_days, season.departure_days)
    if not any(own):
        yield _error(path, "must give a rule of its own")
        return
    yield from _night_errors(path, season, rules)
    length = min((season.last_day - season.first_day).days + 1, 7)
    days = {(season.first_day + timedelta(days=n)).weekday() for n in range(length)}
    if season.arrival_days and not days & _numbers(season.arrival_days):
        yield _error(f"{path}.arrivalDays", "none of these days is in the season")


def _overlaps(seasons: Sequence[Season]) -> Iterator[FieldError]:
    ordered = sorted(enumerate(seasons), key=lambda each: each[1].first_day)
    latest: Season | None = None
    for nth, season in ordered:
        if latest and season.first_day <= latest.last_day:
            message = f"is in {latest.name!r} already, to {latest.last_day}"
            yield _error(f"rules.seasons[{nth}].firstDay", message)
        if latest is None or season.last_day > latest.last_day:
            latest = season


def _error(field: str, message: str) -> FieldError:
    return FieldError(field=field, message=message)


# ---- in words -----------------------------------------------------------------------------------


def in_words(rules: StayRules | None, today: date) -> list[str]:
    """The rules as sentences for guests, without seasons that are over."""
    if rules is None:
        return []
    sentences = [_capital(clause) for clause in _clauses(rules, rules)]
    if rules.notice_days or rules.notice_hours:
        sentences.append(_capital(_notice_words(rules)))
    if rules.ahead_days:
        sentences.append(f"Arrival at most {_count(rules.ahead_days, 'day')} ahead")
    if rules.nights_between:
        sentences.append(_capital(between_words(rules.nights_between)))
    seasons = sorted(rules.seasons, key=lambda season: season.first_day)
    return sentences + [
        f"{season.name}, {_range(season)}: {', '.join(_clauses(season, rules))}"
        for season in seasons
        if season.last_day >= today
    ]


def between_words(nights: int) -> str:
    """How many nights are kept empty between guests, in words."""
    return f"{_count(nights, 'night')} {'is' if nights == 1 else 'are'} kept empty between guests"


def _clauses(own: NightRules, rules: StayRules) -> Iterator[str]:
    """What is said of the rules that a listing or a season gives itself."""
    whole = _merged(rules, own)
    is_season = own is not rules
    if own.nights_min or own.nights_max:
        yield from _length_words(whole, is_season=is_season)
    for what, days, numbers in (
        ("arrival", own.arrival_days, whole.arrivals),
        ("departure", own.departure_days, whole.departures),
    ):
        if days and (is_season or numbers != _EVERY_DAY):
            yield f"{what} on {_names(numbers)}"


def _length_words(whole: Period, *, is_season: bool) -> Iterator[str]:
    least, most = whole.nights_min, whole.nights_max
    if least == most:
        yield f"stays of {_count(least, 'night')}"
    elif least > 1 and most < NIGHTS_MAX:
        yield f"stays of {least} to {most} nights"
    elif least > 1:
        yield f"stays of at least {least} nights"
    elif most < NIGHTS_MAX:
        yield f"stays of at most {most} nights"
    elif is_season:
        yield "stays of any length"


def _notice_words(rules: StayRules) -> str:
    parts = [(rules.notice_days, "day"), (rules.notice_hours, "hour")]
    counted = " and ".join(_count(number, what) for number, what in parts if number)
    return f"at least {counted} before check-in"


def _names(numbers: Iterable[int]) -> str:
    """Weekdays in the order of the week: Friday, Saturday or Sunday."""
    names = [_WEEKDAYS[number].capitalize() for number in sorted(numbers)]
    if len(names) == len(Weekday):
        return "any day"
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _range(season: Season) -> str:
    first, last = season.first_day, season.last_day
    end = f"{last.day} {last:%B} {last.year}"
    if first == last:
        return end
    begin = f"{first.day} {first:%B}" + ("" if first.year == last.year else f" {first.year}")
    return f"{begin} to {end}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
