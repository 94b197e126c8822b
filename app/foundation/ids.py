"""Ids that follow from other ids, so that the same thing gets the same id again."""

import hashlib
from datetime import timedelta
from typing import Final
from uuid import UUID

_TIME_BITS: Final = 48
_VERSION_7: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62
_TAIL: Final = ((1 << 12) - 1) << 64 | ((1 << 62) - 1)  # all that is neither time nor version


def derived(source: UUID, name: str) -> UUID:
    """The id of what `source` causes under a name: the same each time, and of the same time.

    A database that was restored makes the same pots, refunds and transfers of what it knows; with
    the same ids their references are the same, and a gateway that has them already says so.

    A UUID of version 7 (RFC 9562, 5.7) whose random bits are a hash.
    """
    hashed = hashlib.sha256(f"{source}:{name}".encode()).digest()
    tail = int.from_bytes(hashed[:16]) & _TAIL
    time = source.int >> (128 - _TIME_BITS) << (128 - _TIME_BITS)
    return UUID(int=time | _VERSION_7 | _VARIANT | tail)


def earlier(source: UUID, by: timedelta) -> UUID:
    """An id below all that are made less than `by` before this one. (Ids begin with real time.)"""
    made_ms = source.int >> (128 - _TIME_BITS)
    return UUID(int=(made_ms - by // timedelta(milliseconds=1)) << (128 - _TIME_BITS) | _VERSION_7)
