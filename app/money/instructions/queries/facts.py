"""Statements on what a gateway reports of instructions: its own ones, fees, what came back."""

from collections.abc import Sequence
from uuid import UUID

from app.edge.gateways.port import Facts
from app.foundation.clipping import clip_facts
from app.foundation.db import Tx, execute, fetch_new, fetch_values, json
from app.foundation.money import Money
from app.money.instructions.model import Instruction, InstructionKind, NewInstruction


async def insert_taken_in(
    tx: Tx,
    new: NewInstruction,
    *,
    reference: str,
    gateway_id: str,
    gateway_data: Facts,
    settled: Money | None,
) -> Instruction:
    """Store a refund or transfer that somebody began at the gateway, as sent, with its history."""
    return await fetch_new(
        tx,
        Instruction,
        """
        WITH stored AS (
            INSERT INTO instructions (
                id, key, origin, kind, state, booking_id, payment_id, source_id, payee_id, gateway,
                target, amount, currency, settled_amount, settled_currency, reason, reference,
                gateway_id, gateway_data, next_try_at, sent_at)
            VALUES (%(id)s, %(key)s, 'gateway', %(kind)s, 'sent', %(booking_id)s, %(payment_id)s,
                    %(source_id)s, %(payee_id)s, %(gateway)s, %(target)s, %(amount)s, %(currency)s,
                    %(settled_amount)s, %(settled_currency)s, %(reason)s, %(reference)s,
                    %(gateway_id)s, %(data)s, business_now(), business_now())
         RETURNING *
        ), history AS (
            INSERT INTO instruction_history (instruction_id, state, attempt, reference, reason)
            SELECT id, state, 0, reference, reason FROM stored
        )
        SELECT * FROM stored""",
        id=new.id,
        key=new.key,
        kind=new.kind,
        booking_id=new.booking_id,
        payment_id=new.payment_id,
        source_id=new.source_id,
        payee_id=new.payee_id,
        gateway=new.gateway,
        target=new.target,
        amount=new.amount,
        currency=new.currency,
        settled_amount=settled.amount if settled else None,
        settled_currency=settled.currency if settled else None,
        reason=new.reason,
        reference=reference,
        gateway_id=gateway_id,
        data=json(clip_facts(gateway_data)),
    )


async def store(
    tx: Tx, instruction: Instruction, *, fee: int | None, settled: Money | None
) -> Instruction:
    """Store the fee of an instruction and what was settled; without a fee it is asked for later.

    Counts the fee's corrections. What was settled of a transfer is known before, since it is sent
    in that currency.
    """
    return await fetch_new(
        tx,
        Instruction,
        """
        UPDATE instructions
           SET fee = %(fee)s,
               fee_corrections = fee_corrections
                                 + (fee IS NOT NULL AND fee IS DISTINCT FROM %(fee)s)::int,
               settled_amount = coalesce(%(settled_amount)s, settled_amount),
               settled_currency = coalesce(%(settled_currency)s, settled_currency),
               facts_due_at = CASE WHEN %(fee)s::bigint IS NULL
                                   THEN business_now() + interval '1 minute' END
         WHERE id = %(id)s
     RETURNING *""",
        id=instruction.id,
        fee=fee,
        settled_amount=settled.amount if settled else None,
        settled_currency=settled.currency if settled else None,
    )


async def ask_again(tx: Tx, instruction: Instruction) -> None:
    """Ask for the fee later: after as long as the instruction has been done, 6 hours at the most.

    After 30 days it is not asked for any more.
    """
    await execute(
        tx,
        """
        UPDATE instructions
           SET facts_due_at = CASE
                   WHEN business_now() < confirmed_at + interval '30 days'
                   THEN business_now() + least(greatest(interval '1 minute',
                                                        business_now() - confirmed_at),
                                               interval '6 hours') END
         WHERE id = %(id)s AND fee IS NULL""",
        id=instruction.id,
    )


async def set_returned(
    tx: Tx, instruction: Instruction, returned: int, *, settled: int
) -> Instruction:
    """Store how much of an instruction has come back in all."""
    return await fetch_new(
        tx,
        Instruction,
        """
        UPDATE instructions
           SET returned = %(returned)s, settled_returned = %(settled)s,
               updated_at = business_now()
         WHERE id = %(id)s
     RETURNING *""",
        id=instruction.id,
        returned=returned,
        settled=settled,
    )


async def due(tx: Tx, *, limit: int) -> list[UUID]:
    """Take the instructions that the gateway is to be asked about again; returns their ids."""
    return await fetch_values(
        tx,
        UUID,
        """
        WITH due AS (
            SELECT id FROM instructions
             WHERE facts_due_at <= (SELECT business_now())
             ORDER BY facts_due_at
             LIMIT %(limit)s
               FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE instructions SET facts_due_at = business_now() + interval '10 minutes'
         WHERE id = ANY (ARRAY(SELECT id FROM due))
     RETURNING id""",
        limit=limit,
    )


async def known_at_gateway(tx: Tx, payment_ids: Sequence[UUID], kind: InstructionKind) -> list[str]:
    """The gateway's ids of the refunds or transfers of these charges."""
    return await fetch_values(
        tx,
        str,
        """
        SELECT gateway_id FROM instructions
         WHERE payment_id = ANY(%(payment_ids)s) AND kind = %(kind)s
           AND gateway_id IS NOT NULL""",
        payment_ids=list(payment_ids),
        kind=kind,
    )
