"""Whether a guest may hold more than what is held already."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.foundation.settings import settings
from app.market.bookings.model import Booking
from app.market.bookings.model.quotas import (
    ABANDONED_MAX,
    CANCELLED_COUNTED,
    CANCELLED_FREE_MAX,
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
    now = parts[0].created_at
    check_cool_down(standing, now)
    if standing.holds >= scaled(HOLDS_MAX):
        raise _reached(f"{scaled(HOLDS_MAX)} bookings", standing, now)
    if max(_units(parts, standing).values()) > scaled(UNITS_MAX):
        raise _reached(f"{scaled(UNITS_MAX)} seats or rooms of one listing", standing, now)
    if standing.slots + sum(part.span.size for part in parts) > scaled(SLOTS_MAX):
        raise _reached(f"{scaled(SLOTS_MAX)} seats and nights in rooms", standing, now)


def _units(parts: Sequence[Booking], standing: Standing) -> dict[UUID, int]:
    """What the guest would hold of each listing of these parts."""
    units: dict[UUID, int] = {}
    for part in parts:
        units[part.listing_id] = units.get(part.listing_id, 0) + len(part.unit_ids)
    for listing_id, count in standing.units or ():
        if listing_id in units:
            units[listing_id] += count
    return units


def scaled(quota: int) -> int:
    return max(1, round(quota * settings().limits_scale))


def check_cool_down(standing: Standing, now: datetime) -> None:
    """Raises CoolingDown."""
    over = standing.abandoned - scaled(ABANDONED_MAX)
    if over < 0 or standing.abandoned_at is None:
        return
    wait = min(COOL_DOWN * 2 ** min(over, 10), COOL_DOWN_MAX)
    until = standing.abandoned_at + wait
    if until > now:
        raise CoolingDown(
            f"{standing.abandoned} of your holds have run out unpaid within a day. Reserve again"
            f" after {until:%H:%M} UTC.",
            retry_after_s=_seconds(until - now),
        )


def free_to_cancel_at(cancelled_at: Sequence[datetime]) -> datetime | None:
    """When one more paid booking can be cancelled for nothing; None: now.

    `cancelled_at` is when others were cancelled within the time that counts, the last one first.
    """
    free = scaled(CANCELLED_FREE_MAX)
    return cancelled_at[free - 1] + CANCELLED_COUNTED if len(cancelled_at) >= free else None


def _reached(what: str, standing: Standing, now: datetime) -> QuotaReached:
    """It says how to go on: a large group books in steps, for what is paid does not count."""
    until: datetime | None = standing.next_end
    how = "Pay for what you hold, or let it go" if until else "Reserve so much, and pay for it"
    return QuotaReached(
        f"One guest may hold at most {what} unpaid at once. {how}; then reserve the rest: what is"
        " paid for does not count.",
        retry_after_s=_seconds(until - now) if until else None,
    )


def _seconds(wait: timedelta) -> int:
    return max(1, math.ceil(wait.total_seconds()))
