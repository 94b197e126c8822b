"""Statements that store an instruction or move it on, each with the row of its history."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.edge.gateways.port import Facts
from app.foundation.clipping import clip, clip_facts
from app.foundation.db import Tx, execute, fetch_new, fetch_one, fetch_values, json
from app.foundation.money import Money
from app.money.instructions.model import Instruction, InstructionState, NewInstruction, WaitsFor

_MOVE: Final = """
    WITH moved AS (
        UPDATE instructions
           SET state = %(to)s,
               target = CASE WHEN %(to)s = 'waiting_for_payee' THEN NULL
                             ELSE coalesce(%(target)s, target) END,
               gateway_id = coalesce(%(gateway_id)s, gateway_id),
               gateway_data = coalesce(%(gateway_data)s, gateway_data),
               failure = %(failure)s, waits_for = %(waits_for)s,
               reference = coalesce(%(reference)s, reference),
               sent_as = coalesce(%(sent_as)s, sent_as),
               reference_unused = reference_unused OR %(never_arrived)s,
               answered = answered OR %(answered)s,
               reference_spent = reference_spent OR %(reference_spent)s,
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
        SELECT id, %(was)s, state, attempt, coalesce(sent_as, reference), %(reason)s
          FROM moved
    )
    SELECT * FROM moved"""


async def insert(tx: Tx, new: Sequence[NewInstruction], *, queued_for: timedelta) -> list[UUID]:
    """Store instructions with the first row of each history; returns those that can be sent."""
    return await fetch_values(
        tx,
        UUID,
        """
        WITH stored AS (
            INSERT INTO instructions (
                id, key, kind, state, booking_id, payment_id, source_id, payee_id, gateway,
                target, amount, currency, reason, automatic, not_before, waits_for,
                from_balance, next_try_at)
            SELECT id, key, kind,
                   CASE WHEN target IS NULL THEN 'waiting_for_payee' ELSE 'queued' END,
                   booking_id, payment_id, source_id, payee_id, gateway, target, amount, currency,
                   reason, automatic, not_before,
                   CASE WHEN target IS NULL THEN 'payee' ELSE waits_for END, from_balance,
                   CASE WHEN target IS NOT NULL AND NOT automatic
                        THEN greatest(business_now() + %(queued_for)s, not_before) END
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


async def begin_attempt(
    tx: Tx,
    instruction: Instruction,
    *,
    reference: str,
    sent_as: str | None,
    settled: Money | None,
    sending_for: timedelta,
) -> Instruction:
    """Move a locked instruction that is queued to `sending`."""
    return await fetch_new(
        tx,
        Instruction,
        """
        WITH moved AS (
            UPDATE instructions
               SET state = 'sending', attempt = attempt + 1,
                   reference = %(reference)s, sent_as = %(sent_as)s, waits_for = NULL,
                   settled_amount = %(settled_amount)s, settled_currency = %(settled_currency)s,
                   reference_unused = false, answered = false, reference_spent = false,
                   missed_at = NULL,
                   gateway_id = NULL, gateway_data = NULL, failure = NULL,
                   next_try_at = business_now() + %(sending_for)s, updated_at = business_now()
             WHERE id = %(id)s AND state = 'queued' AND attempt = %(attempt)s
         RETURNING *
        ), history AS (
            INSERT INTO instruction_history
                   (instruction_id, was, state, attempt, reference, reason)
            SELECT id, 'queued', state, attempt, coalesce(sent_as, reference),
                   CASE WHEN sent_as IS NULL THEN 'sent to the gateway'
                        ELSE 'sent to the gateway together with others' END
              FROM moved
        )
        SELECT * FROM moved""",
        id=instruction.id,
        attempt=instruction.attempt,
        reference=reference,
        sent_as=sent_as,
        settled_amount=settled.amount if settled else None,
        settled_currency=settled.currency if settled else None,
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
    answered: bool = False,
    reference_spent: bool = False,
    reference: str | None = None,
    sent_as: str | None = None,
    waits_for: WaitsFor | None = None,
) -> Instruction | None:
    """Move an instruction on; None if it has been moved since it was read.

    With a `reference` that one is looked up from here on; `sent_as` is the same for all that went
    together. What is known of the last request stays true until the next attempt begins.
    """
    return await fetch_one(
        tx,
        Instruction,
        _MOVE,
        id=instruction.id,
        was=instruction.state,
        attempt=instruction.attempt,
        to=to,
        reason=clip(reason),
        next_try_in=next_try_in,
        never_arrived=never_arrived,
        answered=answered,
        reference_spent=reference_spent,
        reference=reference,
        sent_as=sent_as,
        target=target,
        gateway_id=gateway_id,
        gateway_data=None if gateway_data is None else json(clip_facts(gateway_data)),
        failure=None if failure is None else clip(failure),
        waits_for=waits_for,
    )


async def wait_for_minimum(tx: Tx, instruction_ids: Sequence[UUID], *, wait: timedelta) -> None:
    """Let queued and locked transfers wait until there is enough to send; look again later."""
    await execute(
        tx,
        """
        UPDATE instructions
           SET waits_for = 'minimum', next_try_at = business_now() + %(wait)s,
               updated_at = business_now()
         WHERE id = ANY(%(ids)s) AND state = 'queued'""",
        ids=list(instruction_ids),
        wait=wait,
    )


async def hold(tx: Tx, instruction_id: UUID, *, until: datetime) -> None:
    """Let a queued transfer wait until an instant."""
    await execute(
        tx,
        """
        UPDATE instructions
           SET waits_for = 'hold', not_before = %(until)s, next_try_at = %(until)s,
               updated_at = business_now()
         WHERE id = %(id)s AND state = 'queued'""",
        id=instruction_id,
        until=until,
    )


async def approve(
    tx: Tx, waiting: Instruction, *, waits_for: WaitsFor | None, queued_for: timedelta
) -> None:
    """Let a locked and queued instruction wait for no person any more."""
    await execute(
        tx,
        """
        UPDATE instructions
           SET waits_for = %(waits_for)s, next_try_at = business_now() + %(queued_for)s,
               updated_at = business_now()
         WHERE id = %(id)s AND state = 'queued' AND waits_for = 'approval'""",
        id=waiting.id,
        waits_for=waits_for,
        queued_for=queued_for,
    )


async def postpone(tx: Tx, instruction: Instruction, *, by: timedelta, failure: str | None) -> None:
    """Look at an instruction again later, and keep why; one that is confirmed stays as it is."""
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
        failure=None if failure is None else clip(failure),
    )


async def cancel(tx: Tx, instruction_ids: Sequence[UUID], *, reason: str) -> int:
    """Cancel locked instructions that have not left, each with its history; returns how many."""
    return await execute(
        tx,
        """
        WITH was AS (
            SELECT id, state FROM instructions WHERE id = ANY(%(ids)s)
        ), cancelled AS (
            UPDATE instructions
               SET state = 'cancelled', next_try_at = NULL, waits_for = NULL,
                   updated_at = business_now()
             WHERE id = ANY(%(ids)s) AND state IN ('queued', 'waiting_for_payee', 'failed')
         RETURNING id, state, attempt, coalesce(sent_as, reference) AS reference
        )
        INSERT INTO instruction_history (instruction_id, was, state, attempt, reference, reason)
        SELECT id, was.state, cancelled.state, attempt, reference, %(reason)s
          FROM cancelled JOIN was USING (id)""",
        ids=list(instruction_ids),
        reason=reason,
    )
