"""Stay rules once more, as plainly as possible: day by day, with the clocks of zoneinfo."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.market.stay_rules.model import NightRules, StayRules
from app.market.stay_rules.rules import Place

DAY = timedelta(days=1)
NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Model:
    """What a host's rules allow at an instant, by asking of each stay whether it is allowed."""

    def __init__(self, rules: StayRules, where: Place) -> None:
        self.rules = rules
        self.zone = ZoneInfo(where.zone)
        self.check_in_time = where.check_in_time
        self.now = where.now
        self.today = where.now.astimezone(self.zone).date()
        self.season_of: dict[date, NightRules] = {}
        for season in rules.seasons:
            day = season.first_day
            while day <= season.last_day:
                assert day not in self.season_of, "seasons overlap"
                self.season_of[day] = season
                day += DAY

    def refusals(self, check_in: date, check_out: date) -> set[str]:
        """The codes of the rules that are broken."""
        return {*self._of_nights(check_in, check_out), *self._of_time(check_in)}

    def _of_nights(self, check_in: date, check_out: date) -> set[str]:
        nights, broken = (check_out - check_in).days, set[str]()
        if nights < (self._own("nights_min", check_in) or 1):
            broken.add("stay_too_short")
        if nights > (self._own("nights_max", check_in) or 365):
            broken.add("stay_too_long")
        if NAMES[check_in.weekday()] not in (self._own("arrival_days", check_in) or NAMES):
            broken.add("no_arrival_on_this_day")
        if NAMES[check_out.weekday()] not in (self._own("departure_days", check_in) or NAMES):
            broken.add("no_departure_on_this_day")
        return broken

    def _of_time(self, check_in: date) -> set[str]:
        rules, broken = self.rules, set[str]()
        if rules.notice_days or rules.notice_hours:
            last_day = check_in - rules.notice_days * DAY
            wall = datetime.combine(last_day, self.check_in_time, tzinfo=self.zone)
            if self.now > wall.astimezone(UTC) - timedelta(hours=rules.notice_hours):
                broken.add("notice_too_short")
        if rules.ahead_days and (check_in - self.today).days > rules.ahead_days:
            broken.add("too_far_ahead")
        return broken

    def _own(self, name: str, check_in: date) -> Any:
        season = self.season_of.get(check_in)
        return (season and getattr(season, name)) or getattr(self.rules, name)

    def lengths(self, arrival: date) -> list[int]:
        """The numbers of nights that one who arrives may stay, whenever that is booked."""
        if self._of_nights(arrival, arrival + DAY) & {"no_arrival_on_this_day"}:
            return []
        return [n for n in range(1, 366) if not self._of_nights(arrival, arrival + n * DAY)]

    def may_arrive(self, day: date) -> bool:
        soon_enough = self.today <= day < self.today + 3 * 366 * DAY
        return soon_enough and not self._of_time(day) and bool(self.lengths(day))

    def may_depart(self, day: date) -> bool:
        return any(
            not self._of_nights(day - n * DAY, day) and self.may_arrive(day - n * DAY)
            for n in range(1, 366)
        )
