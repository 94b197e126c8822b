"""The rules of a stay, as its host sets them, and the problem for each rule that is broken."""

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from msgspec import Meta

from app.foundation.errors import Invalid
from app.foundation.wire import Output

NIGHTS_MAX: Final = 365  # of one stay
AHEAD_DAYS_MAX: Final = 3 * 366  # how far into the future a night or a departure may be
SEASONS_MAX: Final = 50  # of one listing
NIGHTS_BETWEEN_MAX: Final = 7


class Weekday(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


Nights = Annotated[int, Meta(ge=1, le=NIGHTS_MAX)]
Weekdays = Annotated[
    list[Weekday], Meta(min_length=1, max_length=7, examples=[["friday", "saturday"]])
]
NoticeDays = Annotated[
    int, Meta(ge=0, le=365, description="Days before check-in, by the clocks of the place")
]
NoticeHours = Annotated[
    int, Meta(ge=0, le=168, description="Hours before check-in, added to `noticeDays`")
]
AheadDays = Annotated[
    int, Meta(ge=1, le=AHEAD_DAYS_MAX, description="An arrival is at most so many days ahead")
]
NightsBetween = Annotated[
    int,
    Meta(ge=0, le=NIGHTS_BETWEEN_MAX, description="Nights kept empty between guests of a room"),
]
SeasonName = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"\S")]


class NightRules(Output, frozen=True, kw_only=True):
    """How long, and on which weekdays. Null: the listing's rule in a season, else no rule."""

    nights_min: Nights | None = None
    nights_max: Nights | None = None
    arrival_days: Weekdays | None = None
    departure_days: Weekdays | None = None


class Season(NightRules, frozen=True, kw_only=True):
    """Rules for those who arrive from `firstDay` to `lastDay`, both included.

    What it gives replaces the listing's rule; what is null there stays as the listing has it.
    """

    name: SeasonName
    first_day: date
    last_day: date


class StayRules(NightRules, frozen=True, kw_only=True):
    """What the host of a stay asks of guests. Seasons of one listing do not overlap."""

    notice_days: NoticeDays = 0
    notice_hours: NoticeHours = 0
    ahead_days: AheadDays | None = None
    nights_between: NightsBetween = 0
    seasons: Annotated[tuple[Season, ...], Meta(max_length=SEASONS_MAX)] = ()


class NewSeason(Season, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A season as a host sends it; a name that it does not know is refused."""


class NewStayRules(StayRules, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules as a host sends them: all of them, for they replace those that were set before."""

    seasons: Annotated[tuple[NewSeason, ...], Meta(max_length=SEASONS_MAX)] = ()


NO_RULES: Final = StayRules()


class StayDay(Output, frozen=True, kw_only=True):
    """What the rules say of one day: may a guest arrive, or leave, and stay for how long.

    The nights are the least and the most of a guest who arrives on this day.
    """

    may_arrive: bool
    may_depart: bool
    nights_min: int
    nights_max: int


# ---- problems -----------------------------------------------------------------------------------


class StayRuleBroken(Invalid):
    """A rule of the host forbids these dates: the code names the first such rule."""

    title: ClassVar[str] = "The host's rules do not allow this stay"


class StayTooShort(StayRuleBroken):
    """Fewer nights than the least."""


class StayTooLong(StayRuleBroken):
    """More nights than the most."""


class NoArrivalOnThisDay(StayRuleBroken):
    """Guests do not arrive on this weekday."""


class NoDepartureOnThisDay(StayRuleBroken):
    """Guests do not leave on this weekday."""


class NoticeTooShort(StayRuleBroken):
    """The host wants to know earlier."""


class TooFarAhead(StayRuleBroken):
    """The arrival cannot be booked yet."""


class NightsBetweenGuests(StayRuleBroken):
    """Between two guests of a room the host keeps nights empty."""
