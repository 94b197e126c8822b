"""When a call is tried again: up to three times, after 2, 4 and 8 seconds, or a little more.

A call is tried again only if it is safe to repeat (see Repeat), if the next attempt may end
differently, and as long as its caller can wait (see Patience).
"""

import random
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
JITTER: Final = 0.25  # so much longer a wait may be, at random, so that not all come at once

# A person waits for the page: enough for short faults. The longest possible call begins its last
# attempt after these seconds, and lasts for its time-out: see payments.CALLING_FOR.
PATIENCE_OF_REQUESTS_S: Final = 4.0
# Nobody waits for the job, but other jobs wait for its place in the worker: enough for all retries
# if the gateway replies at once, and for one if it does not reply at all. See payouts.CALLING_FOR
# and the SENDING_FOR of instructions.
PATIENCE_OF_JOBS_S: Final = 30.0

_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class Repeat(StrEnum):
    """Whether a call may be made again if it is not known whether the first one arrived."""

    SAFE = "safe"  # it only reads, or the gateway recognises the second one as the same call
    NEVER = "never"  # what arrives twice is done twice


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """For how many seconds after its first attempt a call may be tried again. 0: not at all.

    `first_wait_s` is the shortest wait before the first retry.
    """

    for_s: float
    first_wait_s: float


NO_PATIENCE: Final = Patience(for_s=0, first_wait_s=0)


def waits_s(patience: Patience) -> Iterator[float]:
    """The shortest wait before each retry: 2, 4, 8 seconds by default."""
    doubling = backoff.expo(base=FACTOR, factor=patience.first_wait_s, max_value=WAIT_S_MAX)
    next(doubling)  # the first value of a generator of backoff is None
    return islice(doubling, RETRIES_MAX)


def wait_s(shortest_s: float, *, asked_s: float, left_s: float) -> float | None:
    """How long to wait before a retry: up to a quarter more than `shortest_s`; None: no retry.

    Never less than the gateway asks for, nor more than WAIT_S_MAX. None if the gateway asks for
    more than that, or if the time that is left is too short for the wait.
    """
    at_least_s = max(shortest_s, asked_s)
    if asked_s > WAIT_S_MAX or at_least_s >= left_s:
        return None
    longer_s = at_least_s * random.uniform(1, 1 + JITTER)  # noqa: S311  spreads load, no secret
    return min(longer_s, WAIT_S_MAX, left_s)


def read_retry_after(value: str | None, *, now: float) -> float:
    """The seconds that a `Retry-After` asks for: a number of them, or a date (RFC 9110, 10.2.3).

    0 if there is none, or if it makes no sense. `now` is in Unix seconds.
    """
    if value is None:
        return 0.0
    if _SECONDS.fullmatch(value):
        return float(value)
    date = parse_date(value)
    return 0.0 if date is None else max(0.0, date - now)


def parse_date(value: str | None) -> float | None:
    """A date in the format of HTTP headers, in Unix seconds; None if it is not one."""
    try:
        parts = parsedate_tz(value)
        return None if parts is None else float(mktime_tz(parts))
    except (ValueError, OverflowError):
        return None
