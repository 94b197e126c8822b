"""One statement per function on `instructions` and `instruction_history`."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.edge.gateways.port import Facts, GatewayName
from app.foundation.db import (
    Tx,
    execute,
    fetch_all,
    fetch_new_value,
    fetch_one,
    fetch_value,
    fetch_values,
    json,
)
from app.money.instructions.model import (
    Instruction,
    InstructionKind,
    InstructionMove,
    InstructionState,
    NewInstruction,
)


async def insert(tx: Tx, new: Sequence[NewInstruction], *, queued_for: timedelta) -> list[UUID]:
    """Store instructions with the first row of each history; returns those that can be sent."""
    return await fetch_values(
        tx,
        UUID,
        """
        WITH stored AS (
            INSERT INTO instructions (
                id, kind, state, booking_id, payment_id, source_id, payee_id, gateway, target,
                amount, currency, reason, automatic, next_try_at)
            SELECT id, kind, CASE WHEN target IS NULL THEN 'waiting_for_payee' ELSE 'queued' END,
                   booking_id, payment_id, source_id, payee_id, gateway, target, amount, currency,
                   reason, automatic,
                   CASE WHEN target IS NOT NULL AND NOT automatic
                        THEN business_now() + %(queued_for)s END
              FROM jsonb_populate_recordset(NULL::instructions, %(new)s)
         RETURNING id, state, reason, automatic
        ), history AS (
            INSERT INTO instruction_history (instruction_id, state, attempt, reason)
            SELECT id, state, 0, reason FROM stored
        )
        SELECT id FROM stored WHERE state = 'queued' AND NOT automatic""",
        new=json(new),
        queued_for=queued_for,
    )


async def lock(tx: Tx, instruction_id: UUID) -> Instruction | None:
    return await fetch_one(
        tx,
        Instruction,
        "SELECT * FROM instructions WHERE id = %(id)s FOR NO KEY UPDATE",
        id=instruction_id,
    )


async def find(tx: Tx, instruction_id: UUID) -> Instruction | None:
    return await fetch_one(
        tx, Instruction, "SELECT * FROM instructions WHERE id = %(id)s", id=instruction_id
    )


async def begin_attempt(
    tx: Tx, instruction: Instruction, *, reference: str, sending_for: timedelta
) -> Instruction | None:
    """Move a queued instruction to `sending`; None if somebody else did, or it is to wait.

    Nothing of a contested charge leaves.

    Under a new reference, or again under one that the gateway has never seen.
    """
    return await fetch_one(
        tx,
        Instruction,
        """
        WITH moved AS (
            UPDATE instructions
               SET state = 'sending', attempt = attempt + 1,
                   reference = CASE WHEN reference_unused THEN reference ELSE %(reference)s END,
                   reference_unused = false, gateway_id = NULL, gateway_data = NULL, failure = NULL,
                   next_try_at = business_now() + %(sending_for)s, updated_at = business_now()
             WHERE id = %(id)s AND state = 'queued' AND attempt = %(attempt)s
               AND NOT EXISTS (SELECT FROM payments WHERE id = payment_id AND contested)
         RETURNING *
        ), history AS (
            INSERT INTO instruction_history
                   (instruction_id, was, state, attempt, reference, reason)
            SELECT id, 'queued', state, attempt, reference, 'sent to the gateway' FROM moved
        )
        SELECT * FROM moved""",
        id=instruction.id,
        attempt=instruction.attempt,
        reference=reference,
        sending_for=sending_for,
    )


async def move(
    tx: Tx,
    instruction: Instruction,
    to: InstructionState,
    *,
    reason: str,
    next_try_in: timedelta | None,
    target: str | None = None,
    gateway_id: str | None = None,
    gateway_data: Facts | None = None,
    failure: str | None = None,
    never_arrived: bool = False,
) -> Instruction | None:
    """Move an instruction on if it still is where `instruction` saw it; else None."""
    return await fetch_one(
        tx,
        Instruction,
        """
        WITH moved AS (
            UPDATE instructions
               SET state = %(to)s,
                   target = CASE WHEN %(to)s = 'waiting_for_payee' THEN NULL
                                 ELSE coalesce(%(target)s, target) END,
                   gateway_id = coalesce(%(gateway_id)s, gateway_id),
                   gateway_data = coalesce(%(gateway_data)s, gateway_data),
                   failure = %(failure)s,
                   reference_unused = reference_unused OR %(never_arrived)s,
                   next_try_at = business_now() + %(next_try_in)s,
                   sent_at = CASE WHEN %(to)s IN ('sent', 'confirmed')
                                  THEN coalesce(sent_at, business_now()) ELSE sent_at END,
                   confirmed_at = CASE WHEN %(to)s = 'confirmed'
                                       THEN business_now() ELSE confirmed_at END,
                   updated_at = business_now()
             WHERE id = %(id)s AND state = %(was)s AND attempt = %(attempt)s
         RETURNING *
        ), history AS (
            INSERT INTO instruction_history
                   (instruction_id, was, state, attempt, reference, reason)
            SELECT id, %(was)s, state, attempt, reference, %(reason)s FROM moved
        )
        SELECT * FROM moved""",
        id=instruction.id,
        was=instruction.state,
        attempt=instruction.attempt,
        to=to,
        reason=reason,
        next_try_in=next_try_in,
        never_arrived=never_arrived,
        target=target,
        gateway_id=gateway_id,
        gateway_data=None if gateway_data is None else json(gateway_data),
        failure=failure,
    )


async def postpone(tx: Tx, instruction: Instruction, *, by: timedelta, failure: str | None) -> None:
    """Look at an instruction again later, unless it is done; what is the matter with it is kept."""
    await execute(
        tx,
        """
        UPDATE instructions
           SET next_try_at = business_now() + %(by)s, failure = %(failure)s,
               updated_at = business_now()
         WHERE id = %(id)s AND state = %(state)s AND attempt = %(attempt)s
           AND state <> 'confirmed'""",
        id=instruction.id,
        state=instruction.state,
        attempt=instruction.attempt,
        by=by,
        failure=failure,
    )


async def began_within(tx: Tx, instruction: Instruction, period: timedelta) -> bool:
    """Whether the current attempt was begun less than this long ago."""
    return await fetch_new_value(
        tx,
        bool,
        """
        SELECT EXISTS (
            SELECT FROM instruction_history
             WHERE instruction_id = %(id)s AND attempt = %(attempt)s AND state = 'sending'
               AND at > business_now() - %(period)s)""",
        id=instruction.id,
        attempt=instruction.attempt,
        period=period,
    )


async def due(
    tx: Tx,
    states: Sequence[InstructionState],
    kinds: Sequence[InstructionKind],
    *,
    limit: int,
) -> list[UUID]:
    """Instructions in these states whose next look is due, the longest overdue first.

    What has not left does not leave while its charge is contested.
    """
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM instructions
         WHERE state = ANY(%(states)s) AND kind = ANY(%(kinds)s)
           AND next_try_at <= (SELECT business_now())
           AND (state <> 'queued'
                OR NOT EXISTS (SELECT FROM payments WHERE id = payment_id AND contested))
         ORDER BY next_try_at
         LIMIT %(limit)s""",
        states=list(states),
        kinds=list(kinds),
        limit=limit,
    )


async def lock_next_failed(tx: Tx, kind: InstructionKind, but: Sequence[UUID]) -> UUID | None:
    """A failed instruction whose next attempt is due and that nobody else is at; none of these.

    Nor one of a contested charge.
    """
    return await fetch_value(
        tx,
        UUID,
        """
        SELECT id FROM instructions
         WHERE state = 'failed' AND kind = %(kind)s
           AND next_try_at <= (SELECT business_now()) AND id <> ALL(%(but)s::uuid[])
           AND NOT EXISTS (SELECT FROM payments WHERE id = payment_id AND contested)
         ORDER BY next_try_at
         LIMIT 1
           FOR NO KEY UPDATE SKIP LOCKED""",
        kind=kind,
        but=list(but),
    )


async def refunds_at_gateway(tx: Tx, payment_id: UUID) -> list[UUID]:
    """Refunds of a charge that are at the gateway, or may be."""
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM instructions
         WHERE payment_id = %(payment_id)s AND kind = 'refund'
           AND state IN ('sending', 'unknown', 'sent', 'confirmed')
         ORDER BY id""",
        payment_id=payment_id,
    )


async def lock_waiting(
    tx: Tx, *, payee_id: UUID, gateway: GatewayName, currency: str
) -> list[Instruction]:
    """Transfers that wait for this payee's account."""
    return await fetch_all(
        tx,
        Instruction,
        """
        SELECT * FROM instructions
         WHERE state = 'waiting_for_payee' AND payee_id = %(payee_id)s
           AND gateway = %(gateway)s AND currency = %(currency)s
         ORDER BY id
           FOR NO KEY UPDATE""",
        payee_id=payee_id,
        gateway=gateway,
        currency=currency,
    )


async def lock_queued(
    tx: Tx, *, payee_id: UUID, gateway: GatewayName, currency: str
) -> list[Instruction]:
    """Transfers on their way to this payee's account that have not been sent."""
    return await fetch_all(
        tx,
        Instruction,
        """
        SELECT * FROM instructions
         WHERE state = 'queued' AND kind = 'transfer' AND payee_id = %(payee_id)s
           AND gateway = %(gateway)s AND currency = %(currency)s
         ORDER BY id
           FOR NO KEY UPDATE""",
        payee_id=payee_id,
        gateway=gateway,
        currency=currency,
    )


async def of_source(tx: Tx, source_id: UUID) -> list[Instruction]:
    """What a pot, charge or debt has caused."""
    return await fetch_all(
        tx,
        Instruction,
        "SELECT * FROM instructions WHERE source_id = %(id)s ORDER BY id",
        id=source_id,
    )


async def of_booking(tx: Tx, booking_id: UUID) -> list[Instruction]:
    return await fetch_all(
        tx,
        Instruction,
        "SELECT * FROM instructions WHERE booking_id = %(id)s ORDER BY id",
        id=booking_id,
    )


async def references_of_booking(tx: Tx, booking_id: UUID) -> list[str]:
    """The reference of every attempt at a booking's refunds and transfers, past ones too."""
    return await fetch_values(
        tx,
        str,
        """
        SELECT DISTINCT history.reference
          FROM instructions
          JOIN instruction_history AS history ON instruction_id = instructions.id
         WHERE booking_id = %(booking_id)s AND history.reference IS NOT NULL""",
        booking_id=booking_id,
    )


async def history(tx: Tx, instruction_id: UUID) -> list[InstructionMove]:
    return await fetch_all(
        tx,
        InstructionMove,
        """
        SELECT at, was, state, attempt, reference, reason FROM instruction_history
         WHERE instruction_id = %(id)s
         ORDER BY id""",
        id=instruction_id,
    )


async def root_source(tx: Tx, instruction_id: UUID) -> UUID:
    """What an instruction goes back to, past those that it replaces."""
    return await fetch_new_value(
        tx,
        UUID,
        """
        WITH RECURSIVE above AS (
            SELECT source_id FROM instructions WHERE id = %(id)s
             UNION ALL
            SELECT instructions.source_id
              FROM instructions JOIN above ON instructions.id = above.source_id
        )
        SELECT source_id FROM above
         WHERE NOT EXISTS (SELECT FROM instructions WHERE id = above.source_id)""",
        id=instruction_id,
    )


async def all_confirmed(tx: Tx, source_id: UUID) -> bool:
    """Whether all that a source has caused has arrived, if need be at the second time.

    What was cancelled will not, and nobody waits for it.
    """
    return await fetch_new_value(
        tx,
        bool,
        """
        WITH RECURSIVE below AS (
            SELECT id, state FROM instructions WHERE source_id = %(id)s
             UNION ALL
            SELECT instructions.id, instructions.state
              FROM instructions JOIN below ON instructions.source_id = below.id
        )
        SELECT NOT EXISTS (
            SELECT FROM below
             WHERE state NOT IN ('confirmed', 'cancelled')
               AND NOT EXISTS (SELECT FROM instructions WHERE source_id = below.id))""",
        id=source_id,
    )


async def without_any(tx: Tx, source_ids: Sequence[UUID]) -> list[UUID]:
    """Those of these sources that caused nothing to be sent."""
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT source FROM unnest(%(ids)s::uuid[]) AS source
         WHERE NOT EXISTS (SELECT FROM instructions WHERE source_id = source)""",
        ids=list(source_ids),
    )
