"""How pots move: divided, disputed, closed, contested, taken from. One statement each."""

from collections.abc import Sequence
from uuid import UUID

from app.foundation.audit import Actor
from app.foundation.db import Tx, execute, fetch_one, fetch_values, json
from app.money.escrow.model import Division, Pot, PotState


async def divide(tx: Tx, divisions: Sequence[Division], *, by: Actor) -> int:
    """Move held pots to `releasing` or `refunding` with their shares; returns how many moved."""
    return await execute(
        tx,
        """
        WITH divided AS (
            UPDATE pots
               SET state = given.state, to_guest = given.to_guest, commission = given.commission,
                   to_host = given.to_host, from_voucher = given.from_voucher,
                   kept_fee = given.kept_fee,
                   divided_at = business_now(), updated_at = business_now()
              FROM jsonb_to_recordset(%(divisions)s) AS given (
                   id uuid, state text, to_guest bigint, commission bigint, to_host bigint,
                   from_voucher bigint, kept_fee bigint, reason text)
             WHERE pots.id = given.id AND pots.state = 'held' AND NOT contested
         RETURNING pots.id, booking_id, kind, pots.state, given.reason
        )
        INSERT INTO escrow_events
               (booking_id, pot_id, pot, was, state, actor, actor_id, reason)
        SELECT booking_id, id, kind, 'held', state, %(actor)s, %(actor_id)s, reason
          FROM divided""",
        divisions=json(
            [
                {
                    "id": division.pot.id,
                    "state": division.state,
                    "to_guest": division.to_guest,
                    "commission": division.commission,
                    "to_host": division.to_host,
                    "from_voucher": division.from_voucher,
                    "kept_fee": division.kept_fee,
                    "reason": division.reason,
                }
                for division in divisions
            ]
        ),
        actor=by.role,
        actor_id=by.id,
    )


async def move(tx: Tx, pot: Pot, to: PotState, *, by: Actor, reason: str) -> Pot | None:
    """Move a pot that is still in the state of `pot`; else None. For `held` and `disputed`."""
    return await fetch_one(
        tx,
        Pot,
        """
        WITH moved AS (
            UPDATE pots SET state = %(to)s, updated_at = business_now()
             WHERE id = %(id)s AND state = %(was)s
         RETURNING *
        ), event AS (
            INSERT INTO escrow_events
                   (booking_id, pot_id, pot, was, state, actor, actor_id, reason)
            SELECT booking_id, id, kind, %(was)s, state, %(actor)s, %(actor_id)s, %(reason)s
              FROM moved
        )
        SELECT * FROM moved""",
        id=pot.id,
        was=pot.state,
        to=to,
        actor=by.role,
        actor_id=by.id,
        reason=reason,
    )


async def finish(tx: Tx, pot_ids: Sequence[UUID], *, reason: str) -> list[UUID]:
    """Close pots whose shares have all arrived; returns the ids of those that were not closed."""
    return await fetch_values(
        tx,
        UUID,
        """
        WITH closed AS (
            UPDATE pots
               SET state = CASE state WHEN 'releasing' THEN 'released' ELSE 'refunded' END,
                   updated_at = business_now()
             WHERE id = ANY(%(ids)s) AND state IN ('releasing', 'refunding')
         RETURNING id, booking_id, kind, state
        ), event AS (
            INSERT INTO escrow_events (booking_id, pot_id, pot, was, state, actor, reason)
            SELECT booking_id, id, kind,
                   CASE state WHEN 'released' THEN 'releasing' ELSE 'refunding' END,
                   state, 'system', %(reason)s
              FROM closed
        )
        SELECT id FROM closed""",
        ids=list(pot_ids),
        reason=reason,
    )


async def contest(tx: Tx, pot_ids: Sequence[UUID], *, contested: bool) -> None:
    """Store whether a chargeback of these pots' charge is open: then they cannot be divided."""
    await execute(
        tx,
        """
        UPDATE pots SET contested = %(contested)s, updated_at = business_now()
         WHERE id = ANY(%(ids)s) AND state IN ('held', 'disputed')""",
        ids=list(pot_ids),
        contested=contested,
    )


async def charge_back(tx: Tx, pot: Pot, amount: int, *, reason: str) -> Pot | None:
    """Take an amount out of a pot that is still as `pot` says; None if it has changed.

    A pot of which nothing is left ends as `charged_back`.
    """
    return await fetch_one(
        tx,
        Pot,
        """
        WITH taken AS (
            UPDATE pots
               SET charged_back = charged_back + %(amount)s,
                   state = CASE WHEN charged_back + given_back + %(amount)s = amount
                                THEN 'charged_back' ELSE state END,
                   contested = contested AND charged_back + given_back + %(amount)s < amount,
                   updated_at = business_now()
             WHERE id = %(id)s AND state = %(was)s AND charged_back + given_back = %(had)s
         RETURNING *
        ), event AS (
            INSERT INTO escrow_events (booking_id, pot_id, pot, was, state, actor, reason)
            SELECT booking_id, id, kind, %(was)s, state, 'system', %(reason)s
              FROM taken WHERE state = 'charged_back'
        )
        SELECT * FROM taken""",
        id=pot.id,
        was=pot.state,
        had=pot.amount - pot.left,
        amount=amount,
        reason=reason,
    )


async def give_back(tx: Tx, pot: Pot, amount: int, *, reason: str) -> Pot | None:
    """Take out of a pot what was refunded at its gateway without us; None if it has changed.

    A pot of which nothing is left ends as `refunded`, with nothing to divide.
    """
    return await fetch_one(
        tx,
        Pot,
        """
        WITH taken AS (
            UPDATE pots
               SET given_back = given_back + %(amount)s,
                   state = CASE WHEN %(is_all)s THEN 'refunded' ELSE state END,
                   to_guest = CASE WHEN %(is_all)s THEN 0 END,
                   commission = CASE WHEN %(is_all)s THEN 0 END,
                   to_host = CASE WHEN %(is_all)s THEN 0 END,
                   from_voucher = CASE WHEN %(is_all)s THEN 0 END,
                   divided_at = CASE WHEN %(is_all)s THEN business_now() END,
                   contested = contested AND NOT %(is_all)s,
                   updated_at = business_now()
             WHERE id = %(id)s AND state = %(was)s AND charged_back + given_back = %(had)s
         RETURNING *
        ), event AS (
            INSERT INTO escrow_events (booking_id, pot_id, pot, was, state, actor, reason)
            SELECT booking_id, id, kind, %(was)s, state, 'system', %(reason)s
              FROM taken WHERE %(is_all)s
        )
        SELECT * FROM taken""",
        id=pot.id,
        was=pot.state,
        had=pot.amount - pot.left,
        is_all=amount == pot.left,
        amount=amount,
        reason=reason,
    )
