"""One statement per function on the tables of bookings."""

from app.market.bookings.queries.bookings import (
    find,
    hold,
    hold_several,
    is_voucher_used,
    later_parts,
    lock,
    lock_first_part,
    lock_later_parts,
    move,
)
from app.market.bookings.queries.due import (
    complete,
    lock_next_unanswered,
    lock_next_unpaid,
    lock_over,
)
from app.market.bookings.queries.passengers import (
    passengers,
    replace_passengers,
)
from app.market.bookings.queries.quotas import cancelled_paid, wait_for_others_of
from app.market.bookings.queries.reading import (
    history,
    list_of_guest,
    list_of_host,
)
from app.market.bookings.queries.times import (
    local_instants,
    put_times,
)

__all__ = [
    "cancelled_paid",
    "complete",
    "find",
    "history",
    "hold",
    "hold_several",
    "is_voucher_used",
    "later_parts",
    "list_of_guest",
    "list_of_host",
    "local_instants",
    "lock",
    "lock_first_part",
    "lock_later_parts",
    "lock_next_unanswered",
    "lock_next_unpaid",
    "lock_over",
    "move",
    "passengers",
    "put_times",
    "replace_passengers",
    "wait_for_others_of",
]
