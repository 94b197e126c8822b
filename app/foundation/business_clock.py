"""Business time: reading it, moving it in development, and refusing a moved clock in production.

Business time is the database server's time plus a shift, which is zero in production.
"""

from datetime import datetime, timedelta

import msgspec

from app.foundation.db import Connection, Tx, Violated, execute, fetch_one


class BusinessClock(msgspec.Struct, frozen=True, kw_only=True):
    """What `business_now()` returns, and how far that is ahead of the server's own clock."""

    now: datetime
    shift: timedelta
    movable: bool


class ClockMoved(Exception):
    """Production was started on a clock that can be moved; money depends on its deadlines."""


class ClockFixed(Exception):
    """The clock of this database may not be moved."""


async def read_clock(tx: Connection) -> BusinessClock:
    """The business clock as it is now."""
    clock = await fetch_one(
        tx, BusinessClock, "SELECT business_now() AS now, shift, movable FROM business_clock"
    )
    if clock is None:
        raise LookupError("business_clock has no row: the migrations put one there")
    return clock


async def refuse_moved_clock(tx: Connection) -> None:
    """Raise ClockMoved unless business time is the server's time and cannot be moved."""
    clock = await read_clock(tx)
    if clock.movable or clock.shift:
        raise ClockMoved(
            "Refusing to start: this database's business clock is movable "
            f"(now shifted by {clock.shift}). It belongs to development or a test."
        )


async def make_movable(tx: Tx) -> None:
    """Allow the clock of this database, one for development, to be moved."""
    await execute(tx, "UPDATE business_clock SET movable = true WHERE NOT movable")


async def move_clock(tx: Tx, *, by: timedelta) -> BusinessClock:
    """Move business time for all processes, from the next transaction on; raises ClockFixed."""
    try:
        await execute(tx, "UPDATE business_clock SET shift = shift + %(by)s", by=by)
    except Violated as error:
        if error.constraint != "business_clock_moves_only_if_movable":
            raise
        raise ClockFixed("This clock is not movable; `berthold dev` makes it so.") from error
    return await read_clock(tx)


async def reset_clock(tx: Tx) -> BusinessClock:
    """Set business time back to the server's own time."""
    await execute(tx, "UPDATE business_clock SET shift = '0'")
    return await read_clock(tx)
