"""Statements that read instructions: by id, charge or booking, and as admins look for them."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, fetch_all, fetch_new_value, fetch_one, fetch_values
from app.money.instructions.model import (
    Instruction,
    InstructionFilter,
    InstructionKind,
    InstructionMove,
)


async def find(tx: Tx, instruction_id: UUID) -> Instruction | None:
    return await fetch_one(
        tx, Instruction, "SELECT * FROM instructions WHERE id = %(id)s", id=instruction_id
    )


async def find_by_key(tx: Tx, key: UUID) -> Instruction | None:
    return await fetch_one(
        tx, Instruction, "SELECT * FROM instructions WHERE coalesce(key, id) = %(key)s", key=key
    )


async def keys_in_use(tx: Tx, keys: Sequence[UUID]) -> list[UUID]:
    """Of these keys, those that instructions have."""
    return await fetch_values(
        tx,
        UUID,
        "SELECT coalesce(key, id) FROM instructions WHERE coalesce(key, id) = ANY(%(keys)s)",
        keys=list(keys),
    )


async def lock(tx: Tx, instruction_id: UUID) -> Instruction | None:
    return await fetch_one(
        tx,
        Instruction,
        "SELECT * FROM instructions WHERE id = %(id)s FOR NO KEY UPDATE",
        id=instruction_id,
    )


async def page(
    tx: Tx, wanted: InstructionFilter, *, before: UUID | None, limit: int
) -> list[Instruction]:
    """Newest first (ids are in the order of time), older than the instruction `before`."""
    return await fetch_all(
        tx,
        Instruction,
        """
        SELECT * FROM instructions
         WHERE kind = %(kind)s
           AND (%(state)s::text IS NULL OR state = %(state)s)
           AND (%(booking_id)s::uuid IS NULL OR booking_id = %(booking_id)s)
           AND (%(payee_id)s::uuid IS NULL OR payee_id = %(payee_id)s)
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        **msgspec.structs.asdict(wanted),
        before=before,
        limit=limit,
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


async def find_by_gateway_id(
    tx: Tx, gateway: GatewayName, gateway_id: str, kind: InstructionKind
) -> Instruction | None:
    """The refund or transfer that its gateway calls so."""
    return await fetch_one(
        tx,
        Instruction,
        """
        SELECT * FROM instructions
         WHERE gateway = %(gateway)s AND gateway_id = %(gateway_id)s AND kind = %(kind)s
         ORDER BY id LIMIT 1""",
        gateway=gateway,
        gateway_id=gateway_id,
        kind=kind,
    )


async def earlier_references(
    tx: Tx, instruction_ids: Sequence[UUID], *, current: str | None
) -> list[str]:
    """The references of these instructions' attempts other than the current, the newest first."""
    return await fetch_values(
        tx,
        str,
        """
        SELECT reference FROM instruction_history
         WHERE instruction_id = ANY(%(ids)s) AND reference <> %(current)s
         GROUP BY reference
         ORDER BY max(id) DESC""",
        ids=list(instruction_ids),
        current=current,
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


async def is_refund_under_way(tx: Tx, payment_id: UUID) -> bool:
    """Whether a refund of a charge is at the gateway, or may be, and its end is open."""
    return await fetch_new_value(
        tx,
        bool,
        """
        SELECT EXISTS (
            SELECT FROM instructions
             WHERE payment_id = %(payment_id)s AND kind = 'refund'
               AND state IN ('sending', 'unknown', 'sent'))""",
        payment_id=payment_id,
    )


async def is_transfer_being_sent(tx: Tx, payment_id: UUID) -> bool:
    """Whether a transfer of a charge may be leaving at this moment."""
    return await fetch_new_value(
        tx,
        bool,
        """
        SELECT EXISTS (
            SELECT FROM instructions
             WHERE payment_id = %(payment_id)s AND kind = 'transfer'
               AND state IN ('sending', 'unknown'))""",
        payment_id=payment_id,
    )


async def transferred(tx: Tx, payment_id: UUID) -> dict[UUID, int]:
    """How much of a charge has gone to its hosts, or may be on its way, by booking or part."""

    class Gone(msgspec.Struct):
        booking_id: UUID
        amount: int

    found = await fetch_all(
        tx,
        Gone,
        """
        SELECT booking_id, sum(amount)::bigint AS amount FROM instructions
         WHERE payment_id = %(payment_id)s AND kind = 'transfer'
           AND state IN ('sending', 'unknown', 'sent', 'confirmed')
         GROUP BY booking_id""",
        payment_id=payment_id,
    )
    return {each.booking_id: each.amount for each in found}


async def waiting_for_payee(tx: Tx, *, host_id: UUID, gateway: GatewayName, currency: str) -> int:
    """How much waits for an account of this payee, in minor units."""
    return await fetch_new_value(
        tx,
        int,
        """
        SELECT coalesce(sum(amount), 0)::bigint FROM instructions
         WHERE payee_id = %(host_id)s AND gateway = %(gateway)s AND currency = %(currency)s
           AND state = 'waiting_for_payee'""",
        host_id=host_id,
        gateway=gateway,
        currency=currency,
    )
