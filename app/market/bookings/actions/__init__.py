"""The verbs of a booking: reserve, secure what was paid, accept, decline, cancel, expire, read."""

from app.market.bookings.actions.move import (
    accept,
    await_payment,
    cancel,
    cancel_if_ahead,
    complete,
    complete_over,
    decline,
    decline_unanswered,
    expire,
    expire_unpaid,
    next_over,
    next_unanswered,
    next_unpaid,
    notify,
    secure,
)
from app.market.bookings.actions.passengers import (
    put_passengers,
    read_passengers,
)
from app.market.bookings.actions.read import (
    actor,
    find_reported,
    get,
    lock,
    lock_whole,
    not_found,
    read,
    read_as_guest,
    read_as_host,
    read_history,
)
from app.market.bookings.actions.reserve import (
    reserve,
)
from app.market.bookings.actions.split import (
    split,
)
from app.market.bookings.actions.times import (
    correct_times,
    local_instants,
)

__all__ = [
    "accept",
    "actor",
    "await_payment",
    "cancel",
    "cancel_if_ahead",
    "complete",
    "complete_over",
    "correct_times",
    "decline",
    "decline_unanswered",
    "expire",
    "expire_unpaid",
    "find_reported",
    "get",
    "local_instants",
    "lock",
    "lock_whole",
    "next_over",
    "next_unanswered",
    "next_unpaid",
    "not_found",
    "notify",
    "put_passengers",
    "read",
    "read_as_guest",
    "read_as_host",
    "read_history",
    "read_passengers",
    "reserve",
    "secure",
    "split",
]
