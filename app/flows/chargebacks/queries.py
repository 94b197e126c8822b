"""One statement per function on `chargebacks` and `chargeback_history`."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from app.edge.gateways.port import FoundChargeback, GatewayName
from app.flows.chargebacks.model import Chargeback, ChargebackMove, ChargebackState, Recovery
from app.foundation.audit import Actor
from app.foundation.clipping import clip, clip_facts
from app.foundation.db import (
    Tx,
    execute,
    fetch_all,
    fetch_new,
    fetch_new_value,
    fetch_one,
    fetch_values,
    json,
)
from app.money.payments.model import Payment


async def insert(
    tx: Tx,
    *,
    chargeback_id: UUID,
    payment: Payment,
    found: FoundChargeback,
    by: Actor,
    look_in: timedelta,
) -> Chargeback:
    """Store a chargeback of which nothing is posted yet, with the first row of its history."""
    return await fetch_new(
        tx,
        Chargeback,
        """
        WITH opened AS (
            INSERT INTO chargebacks
                   (id, payment_id, booking_id, gateway, gateway_id, state, amount, currency,
                    reason, is_taken, evidence_due_at, gateway_data, recorded_by, look_at)
            VALUES (%(id)s, %(payment_id)s, %(booking_id)s, %(gateway)s, %(gateway_id)s, 'open',
                    %(amount)s, %(currency)s, %(reason)s, false, %(evidence_due_at)s,
                    %(gateway_data)s, %(actor_id)s, business_now() + %(look_in)s)
         RETURNING *
        ), history AS (
            INSERT INTO chargeback_history (chargeback_id, state, actor, actor_id, reason)
            SELECT id, state, %(actor)s, %(actor_id)s, reason FROM opened
        )
        SELECT * FROM opened""",
        id=chargeback_id,
        payment_id=payment.id,
        booking_id=payment.booking_id,
        gateway=payment.gateway,
        gateway_id=found.gateway_id,
        amount=found.money.amount,
        currency=found.money.currency,
        reason=clip(found.reason),
        evidence_due_at=found.evidence_due_at,
        gateway_data=json(clip_facts(found.data)),
        look_in=look_in,
        actor=by.role,
        actor_id=by.id,
    )


async def find(tx: Tx, chargeback_id: UUID) -> Chargeback | None:
    return await fetch_one(
        tx, Chargeback, "SELECT * FROM chargebacks WHERE id = %(id)s", id=chargeback_id
    )


async def lock(tx: Tx, gateway: GatewayName, gateway_id: str) -> Chargeback | None:
    """Lock the chargeback that a gateway knows by this id; None if we know none."""
    return await fetch_one(
        tx,
        Chargeback,
        """
        SELECT * FROM chargebacks WHERE gateway = %(gateway)s AND gateway_id = %(gateway_id)s
           FOR NO KEY UPDATE""",
        gateway=gateway,
        gateway_id=gateway_id,
    )


async def update_open(
    tx: Tx, chargeback: Chargeback, found: FoundChargeback, *, is_taken: bool, fee: int | None
) -> Chargeback:
    """Store what is reported of an open chargeback by now, and what of it is posted."""
    return await fetch_new(
        tx,
        Chargeback,
        """
        UPDATE chargebacks
           SET amount = %(amount)s, reason = %(reason)s, gateway_data = %(gateway_data)s,
               is_taken = %(is_taken)s, fee = %(fee)s,
               settled_amount = %(settled_amount)s, settled_currency = %(settled_currency)s,
               settled_back = %(settled_back)s,
               evidence_due_at = coalesce(%(evidence_due_at)s, evidence_due_at),
               updated_at = business_now()
         WHERE id = %(id)s
     RETURNING *""",
        id=chargeback.id,
        amount=chargeback.amount,
        reason=clip(found.reason) or chargeback.reason,
        gateway_data=json(clip_facts(found.data)),
        is_taken=is_taken,
        fee=fee,
        settled_amount=chargeback.settled_amount,
        settled_currency=chargeback.settled_currency,
        settled_back=chargeback.settled_back,
        evidence_due_at=found.evidence_due_at,
    )


async def close(
    tx: Tx,
    chargeback: Chargeback,
    to: ChargebackState,
    *,
    by: Actor,
    reason: str,
    recovery: Recovery | None,
) -> Chargeback | None:
    """Close an open chargeback with its history; None if it is not open any more."""
    return await fetch_one(
        tx,
        Chargeback,
        """
        WITH closed AS (
            UPDATE chargebacks
               SET state = %(to)s, is_taken = is_taken OR %(to)s = 'lost',
                   from_deposit = %(from_deposit)s,
                   from_rental = %(from_rental)s, from_refunds = %(from_refunds)s,
                   from_transfers = %(from_transfers)s, from_host = %(from_host)s,
                   from_returns = %(from_returns)s, loss = %(loss)s,
                   closed_at = business_now(), updated_at = business_now()
             WHERE id = %(id)s AND state = 'open'
         RETURNING *
        ), history AS (
            INSERT INTO chargeback_history (chargeback_id, was, state, actor, actor_id, reason)
            SELECT id, 'open', state, %(actor)s, %(actor_id)s, %(reason)s FROM closed
        )
        SELECT * FROM closed""",
        id=chargeback.id,
        to=to,
        from_deposit=recovery.from_deposit if recovery else None,
        from_rental=recovery.from_rental if recovery else None,
        from_refunds=recovery.from_refunds if recovery else None,
        from_transfers=recovery.from_transfers if recovery else None,
        from_host=recovery.from_host if recovery else None,
        from_returns=0 if recovery else None,
        loss=recovery.loss if recovery else None,
        actor=by.role,
        actor_id=by.id,
        reason=reason,
    )


async def set_given_back(tx: Tx, chargeback: Chargeback) -> Chargeback:
    """Store that the gateway has given the money back, and how much if it was exchanged."""
    return await fetch_new(
        tx,
        Chargeback,
        """
        UPDATE chargebacks
           SET is_taken = false, settled_back = coalesce(%(settled_back)s, settled_amount),
               updated_at = business_now()
         WHERE id = %(id)s
     RETURNING *""",
        id=chargeback.id,
        settled_back=chargeback.settled_back,
    )


async def lock_lost(tx: Tx, payment_id: UUID) -> list[Chargeback]:
    """Lock the lost chargebacks of a charge, the oldest first."""
    return await fetch_all(
        tx,
        Chargeback,
        """
        SELECT * FROM chargebacks WHERE payment_id = %(payment_id)s AND state = 'lost'
         ORDER BY id
           FOR NO KEY UPDATE""",
        payment_id=payment_id,
    )


async def add_returns(tx: Tx, shares: Mapping[UUID, int]) -> None:
    """Lower the loss of each of these by its share of refunds that came back."""
    await execute(
        tx,
        """
        UPDATE chargebacks
           SET from_returns = from_returns + share.amount, loss = loss - share.amount,
               updated_at = business_now()
          FROM unnest(%(ids)s::uuid[], %(amounts)s::bigint[]) AS share (id, amount)
         WHERE chargebacks.id = share.id""",
        ids=list(shares),
        amounts=list(shares.values()),
    )


async def is_open(tx: Tx, payment_id: UUID) -> bool:
    """Whether any chargeback of a charge is open."""
    return await fetch_new_value(
        tx,
        bool,
        """
        SELECT EXISTS (
            SELECT FROM chargebacks WHERE payment_id = %(payment_id)s AND state = 'open')""",
        payment_id=payment_id,
    )


async def contested_charges(tx: Tx) -> list[UUID]:
    """The charges that have an open chargeback."""
    return await fetch_values(
        tx, UUID, "SELECT DISTINCT payment_id FROM chargebacks WHERE state = 'open'"
    )


async def page(
    tx: Tx, *, state: ChargebackState | None, before: UUID | None, limit: int
) -> list[Chargeback]:
    """Newest first (ids are in the order of time)."""
    return await fetch_all(
        tx,
        Chargeback,
        """
        SELECT * FROM chargebacks
         WHERE (%(state)s::text IS NULL OR state = %(state)s)
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        state=state,
        before=before,
        limit=limit,
    )


async def history(tx: Tx, chargeback_id: UUID) -> list[ChargebackMove]:
    return await fetch_all(
        tx,
        ChargebackMove,
        """
        SELECT at, was, state, actor, reason FROM chargeback_history
         WHERE chargeback_id = %(id)s
         ORDER BY id""",
        id=chargeback_id,
    )


async def look_up_due(
    tx: Tx, gateways: Sequence[GatewayName], *, look_again_in: timedelta, limit: int
) -> list[UUID]:
    """Charges to ask these gateways about now; each is due again after `look_again_in`.

    Each has a chargeback that is open, or won and not given back.
    """
    return await fetch_values(
        tx,
        UUID,
        """
        WITH due AS (
            SELECT id FROM chargebacks
             WHERE (state = 'open' OR (state = 'won' AND is_taken))
               AND gateway = ANY(%(gateways)s) AND look_at <= (SELECT business_now())
             ORDER BY look_at
             LIMIT %(limit)s
               FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE chargebacks SET look_at = business_now() + %(look_again_in)s
         WHERE id = ANY (ARRAY(SELECT id FROM due))
     RETURNING payment_id""",
        gateways=list(gateways),
        look_again_in=look_again_in,
        limit=limit,
    )


async def due_within(tx: Tx, period: timedelta, *, limit: int) -> list[Chargeback]:
    """Open chargebacks whose evidence is due within this period, or was due before."""
    return await fetch_all(
        tx,
        Chargeback,
        """
        SELECT * FROM chargebacks
         WHERE state = 'open' AND evidence_due_at < (SELECT business_now()) + %(period)s
         ORDER BY evidence_due_at
         LIMIT %(limit)s""",
        period=period,
        limit=limit,
    )
