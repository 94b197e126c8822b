"""The verbs of a booking: reserve, secure what was paid, accept, decline, cancel, expire, read."""

from app.market.bookings.actions.answer import (
    accept,
    decline,
    decline_unanswered,
    next_unanswered,
)
from app.market.bookings.actions.end import (
    cancel,
    cancel_if_ahead,
    complete,
    complete_over,
    expire,
    expire_unpaid,
    next_over,
    next_unpaid,
)
from app.market.bookings.actions.move import (
    notify,
    notify_guest,
)
from app.market.bookings.actions.passengers import (
    put_passengers,
    read_passengers,
)
from app.market.bookings.actions.pay import (
    await_payment,
    secure,
)
from app.market.bookings.actions.quotas import cancelled_too_much_until
from app.market.bookings.actions.read import (
    actor,
    find_reported,
    get,
    get_whole,
    lock,
    lock_whole,
    meant,
    not_found,
    parts_of,
    read,
    read_as_guest,
    read_as_host,
    read_history,
    whole_of,
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
    "cancelled_too_much_until",
    "complete",
    "complete_over",
    "correct_times",
    "decline",
    "decline_unanswered",
    "expire",
    "expire_unpaid",
    "find_reported",
    "get",
    "get_whole",
    "local_instants",
    "lock",
    "lock_whole",
    "meant",
    "next_over",
    "next_unanswered",
    "next_unpaid",
    "not_found",
    "notify",
    "notify_guest",
    "parts_of",
    "put_passengers",
    "read",
    "read_as_guest",
    "read_as_host",
    "read_history",
    "read_passengers",
    "reserve",
    "secure",
    "split",
    "whole_of",
]
