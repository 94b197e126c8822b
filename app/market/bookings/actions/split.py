"""Split a part in two rows, of which one is given back."""

import msgspec

from app.foundation.db import Tx
from app.market.bookings import rules
from app.market.bookings.actions.read import lock
from app.market.bookings.model import Booking
from app.market.bookings.queries import splits
from app.market.bookings.rules.splitting import Split
from app.market.claims import actions as claims
from app.market.vouchers import actions as vouchers
from app.money.escrow import actions as escrow


async def split(tx: Tx, cut: Split) -> Booking:
    """Write what stays and what is given back; returns this, to be cancelled in this transaction.

    The caller has locked the whole booking. Units and nights that are given back are free at once;
    passengers on those units go with them. Windows move with the instants of what stays. Escrow is
    the caller's.
    """
    was, stays, gone = cut.was, cut.stays, cut.gone
    if rules.has_voucher([was]):
        await vouchers.lock(tx, was.whole_id)  # before any claim, as everywhere
    await claims.release(tx, [msgspec.structs.replace(was.sought, span=gone.span)])
    await splits.insert(tx, gone)
    await splits.shrink(tx, stays)
    await splits.count_parts(tx, gone.whole_id, gone.part)
    if set(gone.unit_ids) != set(was.unit_ids):
        await splits.move_passengers(tx, gone)
    await escrow.move_windows(tx, was.id, rules.windows(was), rules.windows(stays))
    return await lock(tx, gone.id)
