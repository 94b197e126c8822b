"""The verbs of disputes: open, report damage, add evidence, withdraw, resolve.

Opening or ending a dispute locks the pot first, and then the dispute. A release locks the same pot.
"""

from uuid import UUID

import uuid_utils.compat

from app.edge.gateways.port import GatewayName
from app.edge.notifications.model import Kind
from app.foundation import audit, paging, states
from app.foundation.alerts import Severity, Sighting, raise_alerts, resolve_alert
from app.foundation.audit import SYSTEM, Actor, ActorRole, Subject
from app.foundation.db import Tx
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking, NotYourPart
from app.market.disputes import queries, rules
from app.market.disputes.model import (
    DECIDED_WITHIN_DAYS,
    DISPUTES_MAX,
    EVIDENCE_MAX,
    MOVES,
    UNDECIDED,
    Complaint,
    DamageReport,
    Dispute,
    DisputePage,
    DisputeReply,
    DisputeState,
    Evidence,
    NewEvidence,
    NoSuchDispute,
    OpenDispute,
    Resolve,
    Side,
    TooMuchEvidence,
)
from app.money.escrow import actions as escrow
from app.money.escrow import rules as escrow_rules
from app.money.escrow.model import AlreadyDisputed, Pot
from app.people.accounts.model import Principal

_S = DisputeState


async def open_dispute(
    tx: Tx, *, booking_id: UUID, asker: Principal, request: OpenDispute
) -> DisputeReply:
    """Open the guest's dispute about a stay or trip, which freezes the rental.

    Raises BookingNotFound, NotYourPart, Invalid, and what `escrow.freeze` raises.
    """
    complaint = rules.of_guest(request)
    return await _complain(tx, booking_id, asker, complaint)


async def report_damage(
    tx: Tx, *, booking_id: UUID, asker: Principal, request: DamageReport
) -> DisputeReply:
    """Open the host's dispute about damage, which freezes the deposit.

    Raises BookingNotFound, NotYourPart, Invalid, and what `escrow.freeze` raises.
    """
    complaint = rules.of_host(request)
    return await _complain(tx, booking_id, asker, complaint)


async def add_evidence(
    tx: Tx, *, booking_id: UUID, dispute_id: UUID, asker: Principal, evidence: NewEvidence
) -> Evidence:
    """Add evidence of the guest or the host to an open dispute.

    Raises NoSuchDispute, NotYourPart, MoveRefused, TooMuchEvidence, Invalid.
    """
    rules.check_evidence(evidence)
    booking, dispute = await _find(tx, booking_id, dispute_id, asker)
    side = _side(bookings.actor(booking, asker))
    dispute = await queries.lock(tx, dispute.id)
    if dispute.state is not _S.OPEN:
        raise states.MoveRefused(f"The dispute is {dispute.state}.")
    if await queries.count_evidence(tx, dispute.id) >= EVIDENCE_MAX:
        raise TooMuchEvidence(f"A dispute takes {EVIDENCE_MAX} pieces of evidence.")
    return await queries.add_evidence(tx, dispute.id, evidence, side=side, author_id=asker.id)


async def withdraw(tx: Tx, *, booking_id: UUID, dispute_id: UUID, asker: Principal) -> DisputeReply:
    """Withdraw a dispute, by the side that opened it. Its pot is held, and released when due.

    Raises NoSuchDispute, NotYourPart, MoveRefused.
    """
    booking, dispute = await _find(tx, booking_id, dispute_id, asker)
    if dispute.opened_by != asker.id:
        raise NotYourPart("Only the side that opened a dispute can withdraw it.")
    by = bookings.actor(booking, asker)
    withdrawn, _ = await _end(tx, dispute, _S.WITHDRAWN, by=by, reason="withdrawn")
    await _record(tx, "withdraw_dispute", withdrawn, by=by)
    await _notify_both(tx, booking, withdrawn, Kind.DISPUTE_WITHDRAWN)
    return await _reply(tx, withdrawn)


async def resolve(tx: Tx, *, dispute_id: UUID, asker: Principal, request: Resolve) -> DisputeReply:
    """Decide a dispute as an admin, and divide its pot accordingly, in the same commit.

    Raises NoSuchDispute, NotYourPart, Invalid, MoveRefused.
    """
    dispute = await _get(tx, dispute_id)
    booking = await bookings.get(tx, booking_id=dispute.booking_id, asker=asker)
    by = bookings.actor(booking, asker)
    if by.role is not ActorRole.ADMIN:
        raise NotYourPart("The guest or the host of a booking cannot decide its disputes.")
    gateway = await _gateway(tx, dispute)
    to_guest = rules.to_guest(request.to_guest, dispute, gateway)
    resolved, pot = await _end(
        tx, dispute, _S.RESOLVED, by=by, reason=request.decision, to_guest=to_guest
    )
    await _record(tx, "resolve_dispute", resolved, by=by, reason=request.decision)
    division = escrow_rules.divide(pot, to_guest=to_guest, reason="dispute resolved")
    await escrow.divide(tx, [division], by=by)
    await _notify_both(tx, booking, resolved, Kind.DISPUTE_RESOLVED, reason=request.decision)
    return await _reply(tx, resolved)


async def alert_undecided(tx: Tx, *, limit: int) -> int:
    """Alert operators of disputes that are open for two weeks: somebody's money waits for them.

    Returns how many. The alert ends with its dispute.
    """
    late = await queries.undecided(tx, for_days=DECIDED_WITHIN_DAYS, limit=limit)
    await raise_alerts(
        tx,
        [
            Sighting(
                kind=UNDECIDED,
                severity=Severity.CRITICAL,
                subject=str(dispute_id),
                details={"openForDays": DECIDED_WITHIN_DAYS},
            )
            for dispute_id in late
        ],
    )
    return len(late)


async def give_way(tx: Tx, booking: Booking, pot: Pot, taken: int) -> Pot:
    """Lower the open dispute of a locked pot, because the guest's bank takes `taken` out of it.

    A dispute of which nothing is left to decide is withdrawn. Returns the pot as it is after that.
    """
    dispute = await queries.lock_open_one(tx, pot.id)
    if dispute is None:
        return pot
    if taken < pot.left:
        await queries.lower_claimed(tx, dispute.id, most=pot.left - taken)
        return pot
    reason = "the guest's bank has taken the money back"
    withdrawn, pot = await _end(tx, dispute, _S.WITHDRAWN, by=SYSTEM, reason=reason)
    await _record(tx, "withdraw_dispute", withdrawn, by=SYSTEM, reason=reason)
    await _notify_both(tx, booking, withdrawn, Kind.DISPUTE_WITHDRAWN, reason=reason)
    return pot


# ---- reading ------------------------------------------------------------------------------------


async def of_booking(tx: Tx, *, booking_id: UUID, asker: Principal) -> list[DisputeReply]:
    """All disputes of a booking with their evidence, the oldest first. Raises BookingNotFound."""
    booking = await bookings.get(tx, booking_id=booking_id, asker=asker)
    return [await _reply(tx, dispute) for dispute in await queries.of_booking(tx, booking.id)]


async def page(tx: Tx, *, limit: int, cursor: str | None) -> DisputePage:
    """A page of all disputes: open ones first, the oldest first; then the others, newest first.

    Raises Invalid for a bad cursor.
    """
    among_open, last = paging.read_cursor(cursor, tuple[bool, UUID]) if cursor else (True, None)
    rows: list[Dispute] = []
    if among_open:
        rows = await queries.open_ones(tx, after=last, limit=limit + 1)
        last = None
    if len(rows) <= limit:
        rows += await queries.ended_ones(tx, before=last, limit=limit + 1 - len(rows))
    shown, next_cursor = paging.cut(rows, limit, by=lambda row: (row.state is _S.OPEN, row.id))
    disputes = [DisputeReply.of(dispute) for dispute in shown]
    return DisputePage(disputes=disputes, next_cursor=next_cursor)


# ---- steps ---------------------------------------------------------------------------------------


async def _complain(
    tx: Tx, booking_id: UUID, asker: Principal, complaint: Complaint
) -> DisputeReply:
    booking = await bookings.get(tx, booking_id=booking_id, asker=asker)
    by = bookings.actor(booking, asker)
    if by.role is not complaint.side.role:
        raise NotYourPart(f"This is for the {complaint.side} of the booking.")
    pot = await escrow.freeze(
        tx, booking.id, complaint.side.pot, by=by, reason=f"disputed by the {by.role}"
    )
    claimed = rules.claimed(complaint, pot)
    if await queries.count_of_pot(tx, pot.id) >= DISPUTES_MAX:
        raise AlreadyDisputed(f"It was disputed {DISPUTES_MAX} times, and cannot be again.")
    dispute = await queries.insert(
        tx,
        dispute_id=uuid_utils.compat.uuid7(),
        pot=pot,
        side=complaint.side,
        by=by,
        reason=complaint.reason,
        claimed=claimed,
    )
    if complaint.evidence:
        await queries.add_evidence(
            tx, dispute.id, complaint.evidence, side=complaint.side, author_id=asker.id
        )
    await _record(tx, "open_dispute", dispute, by=by, reason=complaint.reason)
    await _notify_both(tx, booking, dispute, Kind.DISPUTE_OPENED, reason=complaint.reason)
    return await _reply(tx, dispute)


async def _end(
    tx: Tx,
    dispute: Dispute,
    to: DisputeState,
    *,
    by: Actor,
    reason: str,
    to_guest: int | None = None,
) -> tuple[Dispute, Pot]:
    """End an open dispute, and move its pot back to `held`."""
    pot = await escrow.lock(tx, dispute.pot_id)
    states.check(MOVES, (await queries.lock(tx, dispute.id)).state, to)
    ended = await queries.end(tx, dispute, to, by=by, reason=reason, to_guest=to_guest)
    await resolve_alert(tx, UNDECIDED, str(dispute.id))
    return ended, await escrow.unfreeze(tx, pot, by=by, reason=f"dispute {to}")


async def _gateway(tx: Tx, dispute: Dispute) -> GatewayName:
    """The gateway that took, and will pay out, the money that is disputed."""
    held = await escrow.of_booking(tx, dispute.booking_id)
    return next(pot.gateway for pot in held if pot.id == dispute.pot_id)


async def _find(
    tx: Tx, booking_id: UUID, dispute_id: UUID, asker: Principal
) -> tuple[Booking, Dispute]:
    booking = await bookings.get(tx, booking_id=booking_id, asker=asker)
    dispute = await _get(tx, dispute_id)
    if dispute.booking_id != booking.id:
        raise _no_such(dispute_id)
    return booking, dispute


async def _get(tx: Tx, dispute_id: UUID) -> Dispute:
    if dispute := await queries.find(tx, dispute_id):
        return dispute
    raise _no_such(dispute_id)


def _no_such(dispute_id: UUID) -> NoSuchDispute:
    return NoSuchDispute(f"There is no dispute {dispute_id}.")


def _side(by: Actor) -> Side:
    for side in Side:
        if by.role is side.role:
            return side
    raise NotYourPart("Only the guest and the host can add evidence.")


async def _reply(tx: Tx, dispute: Dispute) -> DisputeReply:
    return DisputeReply.of(dispute, await queries.evidence_of(tx, dispute.id))


async def _record(tx: Tx, action: str, dispute: Dispute, *, by: Actor, reason: str = "") -> None:
    was = None if dispute.state is _S.OPEN else {"state": _S.OPEN}
    await audit.record(
        tx,
        by=by,
        action=action,
        subject=Subject("dispute", dispute.id),
        before=was,
        after={
            "state": dispute.state,
            "bookingId": dispute.booking_id,
            "pot": dispute.pot,
            "held": dispute.money(dispute.held),
            "claimed": dispute.money(dispute.claimed),
            "toGuest": None if dispute.to_guest is None else dispute.money(dispute.to_guest),
        },
        reason=reason,
    )


async def _notify_both(
    tx: Tx, booking: Booking, dispute: Dispute, kind: Kind, *, reason: str = ""
) -> None:
    for account_id in (booking.guest_id, booking.host_id):
        await bookings.notify(
            tx,
            booking,
            account_id,
            kind,
            reason=reason,
            source_id=dispute.id,
            dispute=rules.facts(dispute),
        )
