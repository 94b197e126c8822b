"""Whether a guest may hold more than what is held already."""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.foundation.settings import settings
from app.market.bookings.model import Booking
from app.market.bookings.model.quotas import (
    ABANDONED_MAX,
    COOL_DOWN,
    COOL_DOWN_MAX,
    HOLDS_MAX,
    SLOTS_MAX,
    UNITS_MAX,
    CoolingDown,
    QuotaReached,
    Standing,
)


def check_standing(parts: Sequence[Booking], standing: Standing) -> None:
    """Raises QuotaReached or CoolingDown, each of which says when there is more."""
    _check_cool_down(standing)
    if standing.holds >= scaled(HOLDS_MAX):
        raise _reached(f"{scaled(HOLDS_MAX)} bookings", standing)
    units = Counter[UUID]()
    for part in parts:
        units[part.listing_id] += len(part.unit_ids)
    for listing_id, count in units.items():
        if standing.units.get(listing_id, 0) + count > scaled(UNITS_MAX):
            raise _reached(f"{scaled(UNITS_MAX)} seats or rooms of one listing", standing)
    if standing.slots + sum(part.span.size for part in parts) > scaled(SLOTS_MAX):
        raise _reached(f"{scaled(SLOTS_MAX)} seats and nights in rooms", standing)


def scaled(quota: int) -> int:
    return max(1, round(quota * settings().limits_scale))


def _check_cool_down(standing: Standing) -> None:
    over = standing.abandoned - scaled(ABANDONED_MAX)
    if over < 0 or standing.abandoned_at is None:
        return
    wait = min(COOL_DOWN * 2 ** min(over, 10), COOL_DOWN_MAX)
    until = standing.abandoned_at + wait
    if until > standing.now:
        raise CoolingDown(
            f"{standing.abandoned} of your holds have run out unpaid within a day. Reserve again"
            f" after {until:%H:%M} UTC.",
            retry_after_s=_seconds(until - standing.now),
        )


def _reached(what: str, standing: Standing) -> QuotaReached:
    until: datetime | None = standing.next_end
    return QuotaReached(
        f"One guest may hold at most {what} unpaid at once. Pay for what you hold, or let it go.",
        retry_after_s=_seconds(until - standing.now) if until else None,
    )


def _seconds(wait: timedelta) -> int:
    return max(1, math.ceil(wait.total_seconds()))
