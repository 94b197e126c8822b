"""The verbs of escrow: hold, open windows, freeze, release, divide, close what has arrived."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from app.edge.gateways.port import GatewayName
from app.foundation import audit
from app.foundation.audit import SYSTEM, Actor
from app.foundation.db import Tx, now
from app.foundation.ids import derived
from app.foundation.states import MoveRefused, check
from app.money.escrow import queries, rules
from app.money.escrow.model import (
    MOVES,
    Division,
    Holding,
    NothingHeld,
    Pot,
    PotKind,
    PotState,
    Split,
    Windows,
)
from app.money.instructions import actions as instructions
from app.money.instructions.model import Instruction, InstructionState
from app.money.ledger import actions as ledger
from app.money.payments import actions as payments
from app.money.payouts import actions as payouts

_LATEST: Final = 100


async def hold(tx: Tx, holdings: Sequence[Holding]) -> None:
    """Put the money of a charge into pots, in the commit that makes the booking paid.

    It may have paid for several parts of the booking, each of which has pots of its own.
    """
    for holding in holdings:
        # The rental has the lower id: pots are shown, and locked, in the order of ids.
        names = rules.names_of_pots(holding.part).values()
        ids = sorted(derived(holding.payment_id, name) for name in names)
        amounts = {
            ids[number]: (kind, amount)
            for number, (kind, amount) in enumerate(rules.parts(holding).items())
        }
        await queries.insert(tx, holding, amounts)
    await ledger.post(tx, rules.charge(holdings))


async def hosts_of(tx: Tx, pot_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The hosts of pots, by the ids of the pots."""
    return await queries.hosts_of(tx, pot_ids)


async def other_parts(tx: Tx, booking_ids: Sequence[UUID]) -> dict[tuple[UUID, UUID], UUID]:
    """The parts that other hosts have of what was paid for with these bookings.

    By the booking's id and the host's: what a posting about such a booking is about, to that host.
    """
    return await queries.other_parts(tx, booking_ids)


async def latest_charges_of_host(tx: Tx, host_id: UUID, gateway: GatewayName) -> list[UUID]:
    """The charges at a gateway that filled pots of a host's bookings, some of the latest first."""
    return await queries.latest_charges_of_host(tx, host_id, gateway, limit=_LATEST)


async def open_windows(tx: Tx, booking_id: UUID, windows: Windows) -> None:
    """Set when the pots of a confirmed booking may be disputed: they are released after that."""
    for kind, opens_at in (
        (PotKind.RENTAL, windows.rental_opens_at),
        (PotKind.DEPOSIT, windows.deposit_opens_at),
    ):
        await queries.open_window(
            tx, booking_id, kind, opens_at=opens_at, lasts=rules.WINDOWS[kind]
        )


async def move_windows(tx: Tx, booking_id: UUID, was: Windows, now_are: Windows) -> None:
    """Move windows that have not opened yet, as the instants of their booking were corrected."""
    for kind, opened_at, opens_at in (
        (PotKind.RENTAL, was.rental_opens_at, now_are.rental_opens_at),
        (PotKind.DEPOSIT, was.deposit_opens_at, now_are.deposit_opens_at),
    ):
        if opens_at != opened_at:
            await queries.move_window(
                tx, booking_id, kind, was=opened_at, opens_at=opens_at, lasts=rules.WINDOWS[kind]
            )


async def release_due(tx: Tx, *, limit: int) -> list[UUID]:
    """Release pots whose window has closed: the rental to its host, the deposit to its guest.

    Returns their ids. Any number of transactions may do this at once: each pot is locked by one.
    """
    due = await queries.lock_due(tx, limit=limit)
    await divide(tx, [rules.release(pot) for pot in due], by=SYSTEM)
    return [pot.id for pot in due]


async def next_due(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock one pot whose window has closed, but none of these."""
    return await queries.lock_next_due(tx, but)


async def release(tx: Tx, pot_id: UUID) -> None:
    """Release a pot whose window has closed. Raises MoveRefused."""
    await divide(tx, [rules.release(await lock(tx, pot_id))], by=SYSTEM)


async def lock_all(tx: Tx, booking_id: UUID) -> list[Pot]:
    """The pots of a booking, locked until the transaction ends."""
    return await queries.lock_of_bookings(tx, [booking_id])


async def lock_all_of(tx: Tx, booking_ids: Sequence[UUID]) -> list[Pot]:
    """The pots of several parts of a booking, locked until the transaction ends."""
    return await queries.lock_of_bookings(tx, booking_ids)


async def of_booking(tx: Tx, booking_id: UUID) -> list[Pot]:
    """The pots of a booking, not locked."""
    return await queries.of_bookings(tx, [booking_id])


async def of_bookings(tx: Tx, booking_ids: Sequence[UUID]) -> list[Pot]:
    """The pots of several parts of a booking, not locked."""
    return await queries.of_bookings(tx, booking_ids)


async def return_all(tx: Tx, booking_ids: Sequence[UUID], *, by: Actor, reason: str) -> None:
    """Divide all undivided pots of these parts so that the guest gets everything back."""
    pots = await lock_all_of(tx, booking_ids)
    back = rules.give_back(pots, rental_bps=rules.WHOLE_BPS, reason=reason, automatic=by == SYSTEM)
    await divide(tx, back, by=by)


async def divide(tx: Tx, divisions: Sequence[Division], *, by: Actor) -> None:
    """Divide held and locked pots: move them, post it, queue refunds and transfers, in one commit.

    Raises MoveRefused, ChargeContested.
    """
    if not divisions:
        return
    if await queries.divide(tx, divisions, by=by) != len(divisions):
        raise MoveRefused("A pot that is to be divided is not held.")
    await audit.record_all(tx, by=by, action="divide_pot", changes=rules.changes(divisions))
    await ledger.post_all(tx, [rules.posting(division) for division in divisions])
    await payments.refund_all(tx, rules.refunds(divisions), by=by)
    await payouts.queue_transfers(tx, rules.payouts(divisions), by=by)
    pot_ids = [division.pot.id for division in divisions]
    if nothing_to_send := await instructions.without_any(tx, pot_ids):
        await queries.finish(tx, nothing_to_send, reason="there is nothing to send")


async def split(tx: Tx, splits: Sequence[Split], *, by: Actor, reason: str) -> None:
    """Move a part of what is held in locked pots into new pots, of one other booking.

    Raises MoveRefused if one of them is not held, or not whole: disputed, contested, or taken from.
    """
    if not splits:
        return
    if await queries.split(tx, splits, by=by, reason=reason) != len(splits):
        raise MoveRefused("A pot that is to be split is not held, or something was taken of it.")
    await ledger.post_all(tx, [rules.posting_of_split(each) for each in splits])


async def freeze(tx: Tx, booking_id: UUID, kind: PotKind, *, by: Actor, reason: str) -> Pot:
    """Move a pot to `disputed`, which keeps it from being released; only while its window is open.

    A release locks the same row, so that one of the two wins. Raises NothingHeld, NotYetOpen,
    WindowClosed, AlreadyDisputed, MoveRefused.
    """
    pot = await queries.lock_kind(tx, booking_id, kind)
    if pot is None:
        raise NothingHeld(f"There is no {kind} in escrow for this booking.")
    rules.check_disputable(pot, await now(tx))
    return await _move(tx, pot, PotState.DISPUTED, by=by, reason=reason)


async def lock(tx: Tx, pot_id: UUID) -> Pot:
    """A pot, locked until the transaction ends. Raises LookupError if there is none."""
    if pot := await queries.lock(tx, pot_id):
        return pot
    raise LookupError(f"there is no pot {pot_id}")


async def unfreeze(tx: Tx, pot: Pot, *, by: Actor, reason: str) -> Pot:
    """Move a locked pot back to `held`, since its dispute has ended."""
    return await _move(tx, pot, PotState.HELD, by=by, reason=reason)


async def contest(tx: Tx, pot_ids: Sequence[UUID], *, contested: bool) -> None:
    """Store whether the guest's bank wants the charge of these pots back: then none is divided."""
    await queries.contest(tx, pot_ids, contested=contested)


async def charge_back(tx: Tx, pot: Pot, amount: int, *, reason: str) -> Pot:
    """Take out of a locked and undivided pot what the guest's bank has taken back.

    What is left stays in the state it was in; if nothing is left, the pot ends as `charged_back`.
    Raises MoveRefused.
    """
    if amount == pot.left:
        check(MOVES, pot.state, PotState.CHARGED_BACK)
    if (taken := await queries.charge_back(tx, pot, amount, reason=reason)) is None:
        raise MoveRefused("Somebody else moved this pot at the same moment.")
    return taken


async def give_back_there(tx: Tx, pot: Pot, amount: int, *, reason: str) -> Pot:
    """Take out of a locked and undivided pot what was refunded at its gateway without us.

    What is left stays in the state it was in; if nothing is left, the pot ends as `refunded`.
    Raises MoveRefused.
    """
    if amount == pot.left:
        check(MOVES, pot.state, PotState.REFUNDED)
    if (taken := await queries.give_back(tx, pot, amount, reason=reason)) is None:
        raise MoveRefused("Somebody else moved this pot at the same moment.")
    return taken


async def close_settled(tx: Tx, pot_ids: Sequence[UUID], *, reason: str) -> None:
    """Close those of these pots whose refunds and transfers have all ended."""
    settled = [pot_id for pot_id in pot_ids if await instructions.all_confirmed(tx, pot_id)]
    await queries.finish(tx, settled, reason=reason)


async def follow(tx: Tx, instruction: Instruction) -> None:
    """Close the pot that a confirmed instruction comes from, if all its shares have arrived.

    The caller has locked the pot before the instruction. If two shares arrive at the same time, the
    second transaction waits for that lock, and then sees that the first has arrived.
    """
    if instruction.state is not InstructionState.CONFIRMED:
        return
    pot_id = await instructions.root_source(tx, instruction.id)
    if await queries.lock(tx, pot_id) and await instructions.all_confirmed(tx, pot_id):
        await queries.finish(tx, [pot_id], reason="the money has arrived")


async def _move(tx: Tx, pot: Pot, to: PotState, *, by: Actor, reason: str) -> Pot:
    check(MOVES, pot.state, to)
    moved = await queries.move(tx, pot, to, by=by, reason=reason)
    if moved is None:
        raise MoveRefused("Somebody else moved this pot at the same moment.")
    return moved
