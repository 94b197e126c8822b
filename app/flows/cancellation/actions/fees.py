"""What the gateway keeps of a charge that a guest cancels, if it is one of many within a day."""

from collections.abc import Sequence

from app.flows.cancellation.model import KeptFee
from app.foundation.audit import ActorRole
from app.foundation.db import Tx
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking
from app.money.escrow.model import Pot
from app.money.payments import actions as payments
from app.money.payments import rules as payment_rules


async def fee_to_keep(
    tx: Tx, booking: Booking, pots: Sequence[Pot], *, by: ActorRole, is_done: bool
) -> KeptFee | None:
    """The gateway's fee, if the guest of this booking bears it now: else None.

    Hosts, admins and disputes neither keep it nor count. `is_done`: the booking is locked and will
    be cancelled in this transaction, so that no other one of this guest is counted beside it.
    """
    if by is not ActorRole.GUEST or not pots:
        return None
    until = await bookings.cancelled_too_much_until(tx, booking, one_at_a_time=is_done)
    if until is None:
        return None
    charge = await payments.get(tx, pots[0].payment_id)
    return KeptFee(fee=payment_rules.fee_of(charge), charge=charge.amount, until=until)
