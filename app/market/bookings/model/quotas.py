"""What a guest may hold unpaid at once, and the problems of one who holds too much."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from app.foundation.errors import Conflict
from app.market.claims.model import Claimed

# All are multiplied by LIMITS_SCALE, as the limits per time are.
HOLDS_MAX: Final = 5  # unpaid bookings of a guest
UNITS_MAX: Final = 20  # unpaid units of a guest in one listing
SLOTS_MAX: Final = 200  # unpaid claims of a guest: rooms times nights, and seats

# A guest who has let this many holds run out in a day waits after each one, longer each time.
ABANDONED_MAX: Final = 3
COOL_DOWN: Final = timedelta(minutes=30)
COOL_DOWN_MAX: Final = timedelta(hours=6)
COUNTED: Final = timedelta(days=1)  # bookings made before that have run out, or been paid

# A guest who has cancelled so many paid bookings in a day pays the gateway's fee of each one more:
# the platform has paid it, and gets it back from nobody.
CANCELLED_FREE_MAX: Final = 2
CANCELLED_COUNTED: Final = timedelta(days=1)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a guest holds unpaid beside the booking that is being made, and has let run out.

    `units`: the listing and the number of units of each part that is held; None if none is.
    """

    holds: int
    units: list[tuple[UUID, int]] | None
    slots: int
    next_end: datetime | None  # when the first of the holds runs out
    abandoned: int
    abandoned_at: datetime | None  # the last one


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement that holds has claimed, and how the guest stood before it."""

    claimed: list[Claimed]
    standing: Standing


class QuotaReached(Conflict):
    """The guest holds as much as may be held unpaid. Retry-After: until the first hold ends."""

    title = "You hold too much that is not paid for"


class CoolingDown(Conflict):
    """The guest has let several holds run out, and waits before the next one: Retry-After."""

    title = "Several of your holds have run out unpaid"
