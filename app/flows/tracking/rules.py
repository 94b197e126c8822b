"""The stage of a booking's money, and what each pot waits for, in words."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.flows.tracking.model import STAGE_NAMES, PotReply, Shares, Stage, StageReply, Wait
from app.market.bookings.model import ENDED, Booking, BookingState
from app.market.inventory.model import Kind
from app.money.escrow import rules as escrow_rules
from app.money.escrow.model import Pot, PotKind, PotState
from app.money.instructions.model import (
    Beside,
    Instruction,
    InstructionKind,
    InstructionReply,
    InstructionState,
    WaitsFor,
)

_CLOSED: Final = frozenset({PotState.RELEASED, PotState.REFUNDED, PotState.CHARGED_BACK})
_UNDIVIDED: Final = frozenset({PotState.HELD, PotState.DISPUTED})
_ARRIVED: Final = frozenset({InstructionState.CONFIRMED, InstructionState.CANCELLED})
_WAITS: Final = {
    WaitsFor.PAYEE: "the host has no payout account for this currency",
    WaitsFor.MINIMUM: "it is less than the gateway sends, and goes with what the host is paid next",
    WaitsFor.HOLD: "transfers to the host's account are held for now",
    WaitsFor.NAME: "an operator must look at the name of the host's account",
    WaitsFor.APPROVAL: "an operator must approve it",
}
_GIVEN_BACK: Final = frozenset({BookingState.DECLINED, BookingState.CANCELLED})


def stage(
    booking: Booking, pots: Sequence[Pot], refunds: Mapping[UUID, bool], now: datetime
) -> Stage | None:
    """The stage that a booking's money has reached; None if nothing was ever held.

    `refunds` says of each pot that gives something back whether that has arrived. The money is
    refunded when it has, and not before; until then it is where it was, held.
    """
    by_kind = {pot.kind: pot for pot in pots}
    rental = by_kind.get(PotKind.RENTAL) or by_kind.get(PotKind.DEPOSIT)
    if rental is None:
        return None
    if _is_given_back(booking, rental):
        arrived = all(refunds.get(pot.id, True) for pot in pots)
        return Stage.REFUNDED if arrived else Stage.HELD
    if booking.state is BookingState.COMPLETED:
        return Stage.COMPLETED
    if rental.state in _UNDIVIDED:
        return Stage.GUEST_WINDOW if _has_opened(rental, now) else Stage.HELD
    deposit = by_kind.get(PotKind.DEPOSIT)
    if deposit is None:
        return Stage.RENTAL_RELEASED
    if deposit.state in _UNDIVIDED:
        return Stage.HOST_WINDOW if _has_opened(deposit, now) else Stage.RENTAL_RELEASED
    return Stage.DEPOSIT_RETURNED


def is_of_others(parts: Sequence[Booking], asker_id: UUID) -> bool:
    """Whether refunds of a whole charge are none of the asker's business: a host of one part."""
    first = parts[0]
    return asker_id == first.host_id and len(parts) < first.parts


def stage_of_whole(stages: Sequence[tuple[Booking, Stage | None]]) -> Stage | None:
    """The stage of a booking: that of the part that is least far.

    What has ended without a stay or journey, and what is refunded, does not hold the others back.
    """
    reached = [(part, stage) for part, stage in stages if stage]
    living = [stage for part, stage in reached if part.state not in ENDED]
    unfinished = [stage for stage in living if stage is not Stage.REFUNDED]
    return min(unfinished or living or [stage for _, stage in reached], default=None)


def _is_given_back(booking: Booking, rental: Pot) -> bool:
    """Whether the guest gets the price back: all of it, or what a cancellation gives back.

    Also if the guest's bank has taken all of it: the guest has that money.
    """
    if rental.state is PotState.CHARGED_BACK:
        return True
    if rental.given_back and rental.state is PotState.REFUNDED and not rental.to_guest:
        return True
    if rental.kind is not PotKind.RENTAL or rental.to_guest is None:
        return booking.state in _GIVEN_BACK
    return rental.to_guest == rental.left or (booking.state in _GIVEN_BACK and rental.to_guest > 0)


def refunds_arrived(
    instructions: Sequence[Instruction], roots: Mapping[UUID, UUID]
) -> dict[UUID, bool]:
    """Of each pot with refunds whether all of them have arrived, or were taken over by others."""
    arrived: dict[UUID, bool] = {}
    replaced = {each.source_id for each in instructions}
    for each in instructions:
        if each.kind is InstructionKind.REFUND and each.id not in replaced:
            root = roots[each.id]
            arrived[root] = arrived.get(root, True) and each.state in _ARRIVED
    return arrived


def stage_reply(reached: Stage | None) -> StageReply | None:
    return StageReply(number=reached, name=STAGE_NAMES[reached]) if reached else None


def roots(instructions: Sequence[Instruction]) -> dict[UUID, UUID]:
    """The first source of each instruction: if it replaces another one, the source of that one."""
    sources = {instruction.id: instruction.source_id for instruction in instructions}
    found: dict[UUID, UUID] = {}
    for instruction in instructions:
        source = instruction.source_id
        while source in sources:
            source = sources[source]
        found[instruction.id] = source
    return found


def pot_reply(
    booking: Booking,
    pot: Pot,
    instructions: Sequence[Instruction],
    beside: Mapping[UUID, Beside],
    now: datetime,
) -> PotReply:
    """A pot as people see it, with the refunds and transfers that come from it."""
    return PotReply(
        booking_id=pot.booking_id,
        kind=pot.kind,
        state=pot.state,
        amount=pot.money(pot.amount),
        opens_at=pot.opens_at,
        closes_at=pot.closes_at,
        charged_back=pot.money(pot.charged_back),
        frozen=pot.contested,
        shares=_shares(pot),
        wait=_wait(booking, pot, instructions, now),
        instructions=[InstructionReply.of(each, beside[each.id]) for each in instructions],
    )


def _has_opened(pot: Pot, now: datetime) -> bool:
    return pot.opens_at is not None and pot.opens_at <= now


def _shares(pot: Pot) -> Shares | None:
    if pot.to_guest is None or pot.commission is None or pot.to_host is None:
        return None
    return Shares(
        to_guest=pot.money(pot.to_guest),
        commission=pot.money(pot.commission),
        to_host=pot.money(pot.to_host),
        from_voucher=pot.money(pot.from_voucher or 0),
        kept_fee=pot.money(pot.kept_fee),
    )


def _wait(
    booking: Booking, pot: Pot, instructions: Sequence[Instruction], now: datetime
) -> Wait | None:
    if pot.state in _CLOSED:
        return None
    if pot.contested:
        return Wait(
            waits_for="the guest's bank to decide on its chargeback",
            until=None,
            rule="Money that the guest's bank wants back is frozen until that is decided.",
            blocked_by=["an open chargeback"],
        )
    if pot.state is PotState.DISPUTED:
        return Wait(
            waits_for="an admin to decide the dispute, or its withdrawal",
            until=None,
            rule="A disputed pot stays where it is until the dispute has ended.",
            blocked_by=["an open dispute"],
        )
    if pot.state is PotState.HELD:
        return _wait_held(booking, pot, now)
    return _wait_for_money(instructions)


def _wait_held(booking: Booking, pot: Pot, now: datetime) -> Wait:
    if pot.closes_at is None:
        return Wait(
            waits_for="the host to accept the booking",
            until=booking.respond_by,
            rule="Money is held until the booking is confirmed, and goes back if it is not.",
            blocked_by=["the booking is not confirmed"],
        )
    event = _event(booking, pot.kind)
    if not _has_opened(pot, now):
        waits_for = event
    elif now < pot.closes_at:
        waits_for = "the end of the dispute window"
    else:
        waits_for = "the next run of release-escrow, within a minute"
    return Wait(
        waits_for=waits_for, until=pot.closes_at, rule=_rule(event, pot.kind), blocked_by=[]
    )


def _event(booking: Booking, kind: PotKind) -> str:
    if booking.kind is Kind.TRIP:
        return "arrival"
    return "check-in" if kind is PotKind.RENTAL else "check-out"


def _rule(event: str, kind: PotKind) -> str:
    hours = escrow_rules.WINDOWS[kind] // timedelta(hours=1)
    lasts = f"{hours} hour{'s' * (hours > 1)}"
    if kind is PotKind.RENTAL:
        return (
            f"The guest may open a dispute for {lasts} from {event}. "
            "Without one the rental goes to the host when that window closes."
        )
    return (
        f"The host may claim damage for {lasts} from {event}. "
        "Without a claim the deposit goes back to the guest when that window closes."
    )


def _wait_for_money(instructions: Sequence[Instruction]) -> Wait:
    """What a divided pot waits for: until the latest next try of its refunds and transfers."""
    waiting = [each for each in instructions if each.state not in _ARRIVED]
    tries = [each.next_try_at for each in waiting if each.next_try_at and _ends_in_time(each)]
    return Wait(
        waits_for=" and ".join(dict.fromkeys(_arrival(each) for each in waiting)) or "nothing",
        until=max(tries) if len(tries) == len(waiting) and tries else None,
        rule="A pot is closed when the gateway has confirmed every refund and transfer from it.",
        blocked_by=[text for each in waiting if (text := _obstacle(each))],
    )


def _ends_in_time(instruction: Instruction) -> bool:
    """Whether it is known when what an instruction waits for ends, unless it fails."""
    return instruction.waits in (None, WaitsFor.HOLD)


def _arrival(instruction: Instruction) -> str:
    if instruction.waits is WaitsFor.MINIMUM:
        return "more that is to be paid to the host, to go together with it"
    is_refund = instruction.kind is InstructionKind.REFUND
    return "the refund to arrive" if is_refund else "the transfer to the host to arrive"


def _obstacle(instruction: Instruction) -> str:
    match instruction.state:
        case InstructionState.QUEUED if instruction.waits_at_refund_gate:
            return "more is to be refunded than goes out at once without an operator"
        case InstructionState.QUEUED if instruction.waits:
            return _WAITS[instruction.waits]
        case InstructionState.WAITING_FOR_PAYEE:
            return _WAITS[WaitsFor.PAYEE]
        case InstructionState.UNKNOWN:
            return "the gateway's answer was lost; it is being asked"
        case InstructionState.FAILED if instruction.next_try_at:
            return (
                f"attempt {instruction.attempt} failed, and is tried again: {instruction.failure}"
            )
        case InstructionState.FAILED:
            return f"all attempts failed, and an operator must act: {instruction.failure}"
        case InstructionState.REVERSED:
            return "the money came back, and an operator must act"
        case _:
            return ""
