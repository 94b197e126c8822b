"""The statement that moves a part of what is held in pots into new ones."""

from collections.abc import Sequence

from app.foundation.audit import Actor
from app.foundation.db import Tx, execute
from app.money.escrow.model import Split


async def split(tx: Tx, splits: Sequence[Split], *, by: Actor, reason: str) -> int:
    """Insert new pots with what is taken out of others, which are held; returns how many."""
    return await execute(
        tx,
        """
        WITH given AS (
            SELECT * FROM unnest(
                   %(ids)s::uuid[], %(new_ids)s::uuid[], %(booking_ids)s::uuid[],
                   %(amounts)s::bigint[], %(vouchers)s::bigint[])
                   AS given (id, new_id, new_booking_id, part, of_voucher)
        ), kept AS (
            UPDATE pots SET amount = amount - part, voucher = voucher - of_voucher,
                   updated_at = business_now()
              FROM given
             WHERE pots.id = given.id AND pots.state = 'held' AND NOT contested
               AND charged_back + given_back = 0
         RETURNING pots.*, new_id, new_booking_id, part, of_voucher
        ), opened AS (
            INSERT INTO pots (id, booking_id, kind, state, payment_id, guest_id, host_id, gateway,
                              amount, currency, commission_bps, commission_on_deposit,
                              voucher)
            SELECT new_id, new_booking_id, kind, state, payment_id, guest_id, host_id, gateway,
                   part, currency, commission_bps, commission_on_deposit, of_voucher
              FROM kept
         RETURNING id, booking_id, kind, state
        )
        INSERT INTO escrow_events (booking_id, pot_id, pot, state, actor, actor_id, reason)
        SELECT booking_id, id, kind, state, %(actor)s, %(actor_id)s, %(reason)s FROM opened""",
        ids=[each.pot.id for each in splits],
        new_ids=[each.into.id for each in splits],
        booking_ids=[each.into.booking_id for each in splits],
        amounts=[each.into.amount for each in splits],
        vouchers=[each.into.voucher for each in splits],
        actor=by.role,
        actor_id=by.id,
        reason=reason,
    )
