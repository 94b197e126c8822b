"""Take in: refunds and transfers that somebody began at a gateway without us."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import structs

from app.edge.gateways.port import FoundInstruction
from app.foundation import audit
from app.foundation.audit import SYSTEM
from app.foundation.db import Tx
from app.foundation.queue import LookUpInstruction, enqueue_all
from app.money.instructions.actions.look_up import settle
from app.money.instructions.model import Instruction, InstructionKind, NewInstruction
from app.money.instructions.queries import facts
from app.money.instructions.queries import instructions as queries
from app.money.instructions.rules import attempts, records


async def unknown_here(
    tx: Tx, kind: InstructionKind, found: Sequence[FoundInstruction], *, payment_ids: Sequence[UUID]
) -> list[FoundInstruction]:
    """Of these refunds or transfers at a gateway, those that no instruction of ours stands for.

    An instruction stands for what has one of its references, or the gateway's id of it.
    `payment_ids` are the charges that they are of.
    """
    known = set(await facts.known_at_gateway(tx, payment_ids, kind))
    keys = {each.gateway_id: attempts.key_in(each.reference, kind) for each in found}
    in_use = set(await queries.keys_in_use(tx, [key for key in keys.values() if key]))
    return [
        each
        for each in found
        if each.gateway_id not in known and keys[each.gateway_id] not in in_use
    ]


async def take_in(
    tx: Tx, new: NewInstruction, found: FoundInstruction, *, live: bool
) -> Instruction:
    """Store what somebody began at the gateway, and post it as far as it is done, once.

    It may have a reference of ours, if the database was restored from before it. Nothing else gets
    that reference then.
    """
    stored = await facts.insert_taken_in(
        tx,
        structs.replace(new, key=attempts.key_in(found.reference, new.kind)),
        reference=found.reference or f"gw:{found.gateway_id}",
        gateway_id=found.gateway_id,
        gateway_data=found.data,
        settled=found.settled,
    )
    changes = records.queued([new])
    await audit.record_all(tx, by=SYSTEM, action=f"take_in_{new.kind}", changes=changes)
    return await settle(tx, stored, found, live=live)


async def ask_for_facts(tx: Tx, *, limit: int) -> int:
    """Queue look-ups of what has left, and whose fee is not known yet; returns how many."""
    ids = await facts.due(tx, limit=limit)
    await enqueue_all(
        tx, [LookUpInstruction(instruction_id=instruction_id) for instruction_id in ids]
    )
    return len(ids)
