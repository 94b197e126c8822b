"""Explain where a booking's money is, and show what gateways reported of it."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import UNSET

from app.edge.webhooks import actions as webhooks
from app.edge.webhooks.model import EventPage
from app.flows.tracking import queries, rules
from app.flows.tracking.model import EscrowReply, EscrowTrail, PartStage
from app.foundation.db import Tx, now
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking
from app.money.escrow import actions as escrow
from app.money.instructions import actions as instructions
from app.money.instructions.model import ALONE, Beside, Instruction, InstructionReply
from app.money.payments import actions as payments
from app.people.accounts.model import Principal


async def explain(tx: Tx, *, booking_id: UUID, asker: Principal) -> EscrowReply:
    """The stage of a booking's money, its pots, and what each waits for. Raises BookingNotFound."""
    parts = await bookings.get_whole(tx, booking_id=booking_id, asker=asker)
    by_id = {part.id: part for part in parts}
    moment = await now(tx)
    held = await escrow.of_bookings(tx, list(by_id))
    sent = [each for part_id in by_id for each in await instructions.of_booking(tx, part_id)]
    roots = rules.roots(sent)
    pot_ids = {pot.id for pot in held}
    beside = await _beside(tx, parts[0], sent, asker)
    arrived = rules.refunds_arrived(sent, roots)
    stages = {
        part.id: rules.stage(
            part, [pot for pot in held if pot.booking_id == part.id], arrived, moment
        )
        for part in parts
    }
    return EscrowReply(
        booking_id=parts[0].id,
        now=moment,
        stage=rules.stage_reply(rules.stage_of_whole([(part, stages[part.id]) for part in parts])),
        pots=[
            rules.pot_reply(
                by_id[pot.booking_id],
                pot,
                [each for each in sent if roots[each.id] == pot.id],
                beside,
                moment,
            )
            for pot in held
        ],
        refunds=[
            InstructionReply.of(each)
            for each in sent
            if roots[each.id] not in pot_ids and not rules.is_of_others(parts, asker.id)
        ],
        parts=[
            PartStage(booking_id=part_id, stage=rules.stage_reply(reached))
            for part_id, reached in stages.items()
        ]
        if len(parts) > 1
        else UNSET,
    )


async def _beside(
    tx: Tx, booking: Booking, sent: Sequence[Instruction], asker: Principal
) -> dict[UUID, Beside]:
    """What stands beside each transfer; a guest is not shown which others the host is paid."""
    found = await instructions.beside(tx, [each.id for each in sent])
    return {each.id: ALONE for each in sent} if asker.id == booking.guest_id else found


async def read_trail(tx: Tx, *, booking_id: UUID, asker: Principal) -> EscrowTrail:
    """Everything that happened to a booking's money, in order. Raises BookingNotFound."""
    parts = await bookings.get_whole(tx, booking_id=booking_id, asker=asker)
    events = await queries.trail(tx, [part.id for part in parts])
    return EscrowTrail(booking_id=parts[0].id, events=events)


async def read_webhooks(
    tx: Tx, *, booking_id: UUID, asker: Principal, limit: int, cursor: str | None
) -> EventPage:
    """A page of what gateways reported of a booking's charges, refunds and transfers, newest first.

    Raises BookingNotFound, and Invalid for a made-up cursor.
    """
    parts = await bookings.get_whole(tx, booking_id=booking_id, asker=asker)
    references = [
        reference
        for part in parts
        for reference in (
            *await payments.references_of_booking(tx, part.id),
            *await instructions.references_of_booking(tx, part.id),
        )
    ]
    return await webhooks.read_events_about(tx, references, limit=limit, cursor=cursor)
