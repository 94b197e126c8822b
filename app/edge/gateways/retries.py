"""When a call is made again: up to three times, after 2, 4 and 8 seconds at the most.

Only a call that may be repeated is (see Repeat), only where the next try may go otherwise, and only
as long as whoever waits for it can wait (see Patience).
"""

import re
from collections.abc import Iterator
from email.utils import mktime_tz, parsedate_tz
from enum import StrEnum
from itertools import islice
from typing import Final

import backoff
import msgspec

RETRIES_MAX: Final = 3
FACTOR: Final = 2
WAIT_S_MAX: Final = 60.0

# Somebody looks at a page meanwhile. Short faults are got over; the longest call there is, one that
# takes all of its time-out at last, lasts longer by these seconds: see payments.CALLING_FOR.
PATIENCE_OF_REQUESTS_S: Final = 4.0
# Nobody looks on, but other jobs wait for the place: all retries of a gateway that answers, one of
# a gateway that is silent. See payouts.CALLING_FOR and instructions' SENDING_FOR.
PATIENCE_OF_JOBS_S: Final = 30.0

_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class Repeat(StrEnum):
    """Whether a call may be made again while it is open whether it has got through."""

    SAFE = "safe"  # it reads, or the gateway takes the second one for the first
    NEVER = "never"  # what got through twice is done twice


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """A call is not begun again later than so long after it began. 0: not at all.

    `first_wait_s` is the most that is waited before the first retry.
    """

    for_s: float
    first_wait_s: float


NO_PATIENCE: Final = Patience(for_s=0, first_wait_s=0)


def waits_s(patience: Patience) -> Iterator[float]:
    """The most that is waited before each retry: 2, 4, 8 seconds by default."""
    doubling = backoff.expo(base=FACTOR, factor=patience.first_wait_s, max_value=WAIT_S_MAX)
    next(doubling)  # a generator of backoff begins with nothing
    return islice(doubling, RETRIES_MAX)


def wait_s(longest_s: float, *, asked_s: float, left_s: float) -> float | None:
    """How long to wait before a retry, at random so that not all come at once; None: no retry.

    Never less than the gateway has asked for. None if that is longer than we wait for anything, or
    than there is time.
    """
    if asked_s > WAIT_S_MAX or asked_s >= left_s:
        return None
    return asked_s + backoff.full_jitter(min(longest_s, left_s - asked_s))


def read_retry_after(value: str | None, *, now: float) -> float:
    """The seconds that a `Retry-After` asks for: a number of them, or a date (RFC 9110, 10.2.3).

    0 where there is none, or none that makes sense. `now` is in Unix seconds.
    """
    if value is None:
        return 0.0
    if _SECONDS.fullmatch(value):
        return float(value)
    date = parse_date(value)
    return 0.0 if date is None else max(0.0, date - now)


def parse_date(value: str | None) -> float | None:
    """A date of HTTP in Unix seconds."""
    try:
        parts = parsedate_tz(value)
        return None if parts is None else float(mktime_tz(parts))
    except (ValueError, OverflowError):
        return None
