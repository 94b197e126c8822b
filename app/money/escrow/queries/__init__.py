"""One statement per function on `pots` and `escrow_events`."""

from app.money.escrow.queries.moves import (
    charge_back,
    contest,
    divide,
    finish,
    give_back,
    move,
)
from app.money.escrow.queries.pots import (
    hosts_of,
    insert,
    latest_charges_of_host,
    lock,
    lock_due,
    lock_kind,
    lock_next_due,
    lock_of_bookings,
    move_window,
    of_bookings,
    open_window,
    other_parts,
)
from app.money.escrow.queries.splits import (
    split,
)

__all__ = [
    "charge_back",
    "contest",
    "divide",
    "finish",
    "give_back",
    "hosts_of",
    "insert",
    "latest_charges_of_host",
    "lock",
    "lock_due",
    "lock_kind",
    "lock_next_due",
    "lock_of_bookings",
    "move",
    "move_window",
    "of_bookings",
    "open_window",
    "other_parts",
    "split",
]
