"""One statement per function on `disputes`, `dispute_history` and `dispute_evidence`."""

from uuid import UUID

from app.foundation.audit import Actor
from app.foundation.db import (
    Tx,
    execute,
    fetch_all,
    fetch_new,
    fetch_new_value,
    fetch_one,
    fetch_values,
)
from app.market.disputes.model import Dispute, DisputeState, Evidence, NewEvidence, Side
from app.money.escrow.model import Pot


async def insert(
    tx: Tx, *, dispute_id: UUID, pot: Pot, side: Side, by: Actor, reason: str, claimed: int
) -> Dispute:
    """Insert a dispute about a pot, with the first row of its history."""
    return await fetch_new(
        tx,
        Dispute,
        """
        WITH dispute AS (
            INSERT INTO disputes (id, pot_id, booking_id, opened_by, side, state, reason, claimed)
            VALUES (%(id)s, %(pot_id)s, %(booking_id)s, %(opened_by)s, %(side)s, 'open',
                    %(reason)s, %(claimed)s)
         RETURNING *
        ), history AS (
            INSERT INTO dispute_history (dispute_id, state, actor, actor_id, reason)
            SELECT id, state, side, opened_by, reason FROM dispute
        )
        SELECT dispute.*, pots.kind AS pot,
               pots.amount - charged_back - given_back AS held, pots.currency
          FROM dispute JOIN pots ON pots.id = pot_id""",
        id=dispute_id,
        pot_id=pot.id,
        booking_id=pot.booking_id,
        opened_by=by.id,
        side=side,
        reason=reason,
        claimed=claimed,
    )


async def count_of_pot(tx: Tx, pot_id: UUID) -> int:
    return await fetch_new_value(
        tx, int, "SELECT count(*) FROM disputes WHERE pot_id = %(id)s", id=pot_id
    )


async def undecided(tx: Tx, *, for_days: int, limit: int) -> list[UUID]:
    """The open disputes that nobody has decided for so many days, the oldest first."""
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM disputes
         WHERE state = 'open' AND opened_at <= business_now() - make_interval(days => %(days)s)
         ORDER BY id
         LIMIT %(limit)s""",
        days=for_days,
        limit=limit,
    )


async def find(tx: Tx, dispute_id: UUID) -> Dispute | None:
    return await fetch_one(
        tx,
        Dispute,
        """
        SELECT disputes.*, pots.kind AS pot,
               pots.amount - charged_back - given_back AS held, pots.currency
          FROM disputes JOIN pots ON pots.id = pot_id
         WHERE disputes.id = %(id)s""",
        id=dispute_id,
    )


async def lock(tx: Tx, dispute_id: UUID) -> Dispute:
    """A dispute that exists, locked until the transaction ends."""
    return await fetch_new(
        tx,
        Dispute,
        """
        SELECT disputes.*, pots.kind AS pot,
               pots.amount - charged_back - given_back AS held, pots.currency
          FROM disputes JOIN pots ON pots.id = pot_id
         WHERE disputes.id = %(id)s
           FOR NO KEY UPDATE OF disputes""",
        id=dispute_id,
    )


async def lock_open_one(tx: Tx, pot_id: UUID) -> Dispute | None:
    """The open dispute about a pot, locked until the transaction ends; None if there is none."""
    return await fetch_one(
        tx,
        Dispute,
        """
        SELECT disputes.*, pots.kind AS pot,
               pots.amount - charged_back - given_back AS held, pots.currency
          FROM disputes JOIN pots ON pots.id = pot_id
         WHERE pot_id = %(pot_id)s AND disputes.state = 'open'
           FOR NO KEY UPDATE OF disputes""",
        pot_id=pot_id,
    )


async def lower_claimed(tx: Tx, dispute_id: UUID, *, most: int) -> None:
    """Lower what a dispute asks for to at most this amount."""
    await execute(
        tx,
        "UPDATE disputes SET claimed = least(claimed, %(most)s) WHERE id = %(id)s",
        id=dispute_id,
        most=most,
    )


async def end(
    tx: Tx,
    dispute: Dispute,
    to: DisputeState,
    *,
    by: Actor,
    reason: str,
    to_guest: int | None,
) -> Dispute:
    """Resolve or withdraw a locked open dispute, and add a history row."""
    return await fetch_new(
        tx,
        Dispute,
        """
        WITH ended AS (
            UPDATE disputes
               SET state = %(to)s, to_guest = %(to_guest)s, ended_at = business_now(),
                   resolved_by = CASE WHEN %(to)s = 'resolved' THEN %(actor_id)s::uuid END,
                   decision = CASE WHEN %(to)s = 'resolved' THEN %(reason)s END
             WHERE id = %(id)s AND state = 'open'
         RETURNING *
        ), history AS (
            INSERT INTO dispute_history (dispute_id, was, state, actor, actor_id, reason)
            SELECT id, 'open', state, %(actor)s, %(actor_id)s, %(reason)s FROM ended
        )
        SELECT ended.*, pots.kind AS pot,
               pots.amount - charged_back - given_back AS held, pots.currency
          FROM ended JOIN pots ON pots.id = pot_id""",
        id=dispute.id,
        to=to,
        to_guest=to_guest,
        actor=by.role,
        actor_id=by.id,
        reason=reason,
    )


async def of_booking(tx: Tx, booking_id: UUID) -> list[Dispute]:
    """The disputes of a booking, the oldest first."""
    return await fetch_all(
        tx,
        Dispute,
        """
        SELECT disputes.*, pots.kind AS pot,
               pots.amount - charged_back - given_back AS held, pots.currency
          FROM disputes JOIN pots ON pots.id = pot_id
         WHERE disputes.booking_id = %(booking_id)s
         ORDER BY disputes.id""",
        booking_id=booking_id,
    )


async def open_ones(tx: Tx, *, after: UUID | None, limit: int) -> list[Dispute]:
    """Open disputes with an id above `after` (if given), the oldest first."""
    return await fetch_all(
        tx,
        Dispute,
        """
        SELECT disputes.*, pots.kind AS pot,
               pots.amount - charged_back - given_back AS held, pots.currency
          FROM disputes JOIN pots ON pots.id = pot_id
         WHERE disputes.state = 'open' AND (%(after)s::uuid IS NULL OR disputes.id > %(after)s)
         ORDER BY disputes.id
         LIMIT %(limit)s""",
        after=after,
        limit=limit,
    )


async def ended_ones(tx: Tx, *, before: UUID | None, limit: int) -> list[Dispute]:
    """Disputes that have ended, with an id below `before` (if given), the newest first."""
    return await fetch_all(
        tx,
        Dispute,
        """
        SELECT disputes.*, pots.kind AS pot,
               pots.amount - charged_back - given_back AS held, pots.currency
          FROM disputes JOIN pots ON pots.id = pot_id
         WHERE disputes.state <> 'open'
           AND (%(before)s::uuid IS NULL OR disputes.id < %(before)s)
         ORDER BY disputes.id DESC
         LIMIT %(limit)s""",
        before=before,
        limit=limit,
    )


# ---- evidence -----------------------------------------------------------------------------------


async def add_evidence(
    tx: Tx, dispute_id: UUID, evidence: NewEvidence, *, side: Side, author_id: UUID
) -> Evidence:
    return await fetch_new(
        tx,
        Evidence,
        """
        INSERT INTO dispute_evidence (dispute_id, author_id, side, text, files)
        VALUES (%(dispute_id)s, %(author_id)s, %(side)s, %(text)s, %(files)s::text[])
     RETURNING side, text, files, at""",
        dispute_id=dispute_id,
        author_id=author_id,
        side=side,
        text=evidence.text,
        files=evidence.files,
    )


async def count_evidence(tx: Tx, dispute_id: UUID) -> int:
    return await fetch_new_value(
        tx, int, "SELECT count(*) FROM dispute_evidence WHERE dispute_id = %(id)s", id=dispute_id
    )


async def evidence_of(tx: Tx, dispute_id: UUID) -> list[Evidence]:
    """The evidence of a dispute, the oldest first."""
    return await fetch_all(
        tx,
        Evidence,
        """
        SELECT side, text, files, at FROM dispute_evidence
         WHERE dispute_id = %(dispute_id)s
         ORDER BY id""",
        dispute_id=dispute_id,
    )
