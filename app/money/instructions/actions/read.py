"""Read instructions, and lock them: by id, charge, booking, source or reported reference."""

from collections.abc import Sequence
from uuid import UUID

from app.edge.gateways.port import GatewayName
from app.foundation import paging
from app.foundation.db import Tx, plan_for_values
from app.money.instructions.model import (
    ALONE,
    Beside,
    Instruction,
    InstructionFilter,
    InstructionKind,
    InstructionMove,
    InstructionPage,
    InstructionReply,
    NoSuchInstructionHere,
)
from app.money.instructions.queries import due, sources, together
from app.money.instructions.queries import instructions as queries
from app.money.instructions.rules import attempts
from app.money.instructions.rules import together as rules


async def get(tx: Tx, instruction_id: UUID) -> Instruction:
    """An instruction. Raises NoSuchInstructionHere."""
    if instruction := await queries.find(tx, instruction_id):
        return instruction
    raise NoSuchInstructionHere(f"There is no instruction {instruction_id}.")


async def lock(tx: Tx, instruction_id: UUID) -> Instruction:
    """An instruction, locked until the transaction ends. Raises NoSuchInstructionHere."""
    if instruction := await queries.lock(tx, instruction_id):
        return instruction
    raise NoSuchInstructionHere(f"There is no instruction {instruction_id}.")


async def party(tx: Tx, instruction: Instruction) -> list[Instruction]:
    """An instruction and the transfers that went together with it, as one at the gateway.

    The first is the one whose reference the gateway knows.
    """
    if instruction.sent_as is None:
        return [instruction]
    return rules.led(await together.party(tx, instruction.sent_as))


async def lock_party(tx: Tx, instruction: Instruction) -> list[Instruction]:
    """An instruction and the transfers that went together with it, locked; ordered as in `party`.

    It alone if it has gone on without the others since it was read.
    """
    if instruction.sent_as is None:
        return [await lock(tx, instruction.id)]
    locked = await together.lock_party(tx, instruction.id, instruction.sent_as)
    now = next(each for each in locked if each.id == instruction.id)
    if now.sent_as != instruction.sent_as:
        return [now]
    return rules.led(locked)


async def payment_ids(tx: Tx, instruction: Instruction) -> list[UUID]:
    """The charges that the money comes from of all that went together with an instruction."""
    return sorted({each.payment_id for each in await party(tx, instruction)})


async def leader(tx: Tx, instruction: Instruction) -> Instruction:
    """The one of those that went together whose reference the gateway knows."""
    if not instruction.is_led or instruction.sent_as is None:
        return instruction
    leader_id = await together.leader(tx, instruction.sent_as)
    return await get(tx, leader_id) if leader_id else instruction


async def beside(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Beside]:
    """With which others each of these goes, and how much is missing for one that waits for more."""
    alone = dict.fromkeys(ids, ALONE)
    found = await together.companions(tx, ids)
    return alone | {each.id: rules.beside(each) for each in found}


async def lock_unsent(
    tx: Tx, payment_id: UUID, kinds: Sequence[InstructionKind]
) -> list[Instruction]:
    """The instructions of a charge that have not left, or came back; none leaves meanwhile."""
    return await due.lock_unsent(tx, payment_id, kinds)


async def unsent_of_payee(tx: Tx, payee_id: UUID, gateway: GatewayName) -> list[Instruction]:
    """The transfers to a payee that have not left, or came back: the oldest first, not locked."""
    return await due.unsent_of_payee(tx, payee_id, gateway)


async def find_by_reported_reference(
    tx: Tx, reference: str, kind: InstructionKind
) -> Instruction | None:
    """The instruction that has, or had, an attempt under a reference that a gateway reports."""
    key = attempts.key_in(reference, kind)
    return await queries.find_by_key(tx, key) if key else None


async def find_by_gateway_id(
    tx: Tx, gateway: GatewayName, gateway_id: str, kind: InstructionKind
) -> Instruction | None:
    """The refund or transfer that its gateway has given this id; None if we know of none."""
    return await queries.find_by_gateway_id(tx, gateway, gateway_id, kind)


async def refunds_at_gateway(tx: Tx, payment_id: UUID) -> list[UUID]:
    """The ids of a charge's refunds that are at the gateway, or may be, or have arrived."""
    return await queries.refunds_at_gateway(tx, payment_id)


async def is_refund_under_way(tx: Tx, payment_id: UUID) -> bool:
    """Whether a refund of a charge is at the gateway, or may be, and its end is open."""
    return await queries.is_refund_under_way(tx, payment_id)


async def is_transfer_being_sent(tx: Tx, payment_id: UUID) -> bool:
    """Whether a transfer of a charge may be leaving at this moment: nobody knows yet."""
    return await queries.is_transfer_being_sent(tx, payment_id)


async def waiting_for_payee(tx: Tx, *, host_id: UUID, gateway: GatewayName, currency: str) -> int:
    """How much waits for an account that a host can be paid to there, in minor units."""
    return await queries.waiting_for_payee(tx, host_id=host_id, gateway=gateway, currency=currency)


async def transferred(tx: Tx, payment_id: UUID) -> dict[UUID, int]:
    """How much of a charge has gone to its hosts, or may be on its way there.

    Minor units, by booking or part; what nothing has gone out for is left out.
    """
    return await queries.transferred(tx, payment_id)


async def of_booking(tx: Tx, booking_id: UUID) -> list[Instruction]:
    """A booking's refunds and transfers, the oldest first."""
    return await queries.of_booking(tx, booking_id)


async def references_of_booking(tx: Tx, booking_id: UUID) -> list[str]:
    """The reference of every attempt at a booking's refunds and transfers, past ones too."""
    return await queries.references_of_booking(tx, booking_id)


async def earlier_references(tx: Tx, instruction: Instruction) -> list[str]:
    """The references of earlier attempts of an instruction, and of those that go with it.

    The newest first.
    """
    ids = [each.id for each in await party(tx, instruction)]
    return await queries.earlier_references(tx, ids, current=instruction.reference)


async def of_source(tx: Tx, source_id: UUID) -> list[Instruction]:
    """The instructions that a pot, charge, debt or other instruction has caused."""
    return await sources.of_source(tx, source_id)


async def root_source(tx: Tx, instruction_id: UUID) -> UUID:
    """The pot, charge or debt that an instruction goes back to, past those that it replaces."""
    return await sources.root_source(tx, instruction_id)


async def all_confirmed(tx: Tx, source_id: UUID) -> bool:
    """Whether all that a source has caused has arrived, or was cancelled."""
    return await sources.all_confirmed(tx, source_id)


async def without_any(tx: Tx, source_ids: Sequence[UUID]) -> list[UUID]:
    """Of these sources, those that caused no instruction."""
    return await sources.without_any(tx, source_ids)


async def read_page(
    tx: Tx, wanted: InstructionFilter, *, limit: int, cursor: str | None
) -> InstructionPage:
    """A page of refunds or transfers, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_id(cursor)
    await plan_for_values(tx)
    found = await queries.page(tx, wanted, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda instruction: instruction.id)
    replies = await reply_to(tx, page)
    return InstructionPage(instructions=replies, next_cursor=next_cursor)


async def reply_to(tx: Tx, instructions: Sequence[Instruction]) -> list[InstructionReply]:
    """Instructions as people see them, with what stands beside each."""
    found = await beside(tx, [instruction.id for instruction in instructions])
    return [InstructionReply.of(each, found[each.id]) for each in instructions]


async def read_history(tx: Tx, instruction_id: UUID) -> list[InstructionMove]:
    """Each move of an instruction, in order."""
    return await queries.history(tx, instruction_id)
