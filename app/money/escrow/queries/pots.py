"""One statement per function on `pots` and `escrow_events`."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, execute, fetch_all, fetch_one, fetch_value, fetch_values
from app.money.escrow.model import Holding, Pot, PotKind


async def insert(tx: Tx, holding: Holding, amounts: Mapping[UUID, tuple[PotKind, int]]) -> None:
    """Insert the pots of a charge, each with the first row of its history."""
    await execute(
        tx,
        """
        WITH opened AS (
            INSERT INTO pots (id, booking_id, kind, state, payment_id, guest_id, host_id, gateway,
                              amount, currency, commission_bps, commission_on_deposit,
                              voucher)
            SELECT given.id, %(booking_id)s, given.kind, 'held', %(payment_id)s, %(guest_id)s,
                   %(host_id)s, %(gateway)s, given.amount, %(currency)s, %(commission_bps)s,
                   %(commission_on_deposit)s,
                   CASE given.kind WHEN 'rental' THEN %(voucher)s ELSE 0 END
              FROM unnest(%(ids)s::uuid[], %(kinds)s::text[], %(amounts)s::bigint[])
                   AS given (id, kind, amount)
         RETURNING id, booking_id, kind, state
        )
        INSERT INTO escrow_events (booking_id, pot_id, pot, state, actor, reason)
        SELECT booking_id, id, kind, state, 'system', 'paid' FROM opened""",
        ids=list(amounts),
        kinds=[kind for kind, _ in amounts.values()],
        amounts=[amount for _, amount in amounts.values()],
        booking_id=holding.booking_id,
        payment_id=holding.payment_id,
        guest_id=holding.guest_id,
        host_id=holding.host_id,
        gateway=holding.gateway,
        currency=holding.currency,
        commission_bps=holding.commission_bps,
        commission_on_deposit=holding.commission_on_deposit,
        voucher=holding.voucher,
    )


async def open_window(
    tx: Tx, booking_id: UUID, kind: PotKind, *, opens_at: datetime, lasts: timedelta
) -> None:
    """Set from when on a pot may be disputed, and for how long; after that it is released.

    A room for tonight may be confirmed after check-in time: its window then opens now, and is as
    long as any.
    """
    await execute(
        tx,
        """
        UPDATE pots
           SET opens_at = greatest(%(opens_at)s, business_now()),
               closes_at = greatest(%(opens_at)s, business_now()) + %(lasts)s,
               updated_at = business_now()
         WHERE booking_id = %(booking_id)s AND kind = %(kind)s AND state = 'held'""",
        booking_id=booking_id,
        kind=kind,
        opens_at=opens_at,
        lasts=lasts,
    )


async def move_window(
    tx: Tx, booking_id: UUID, kind: PotKind, *, was: datetime, opens_at: datetime, lasts: timedelta
) -> None:
    """Move the window of a pot that opens at `was`, and not yet."""
    await execute(
        tx,
        """
        UPDATE pots
           SET opens_at = %(opens_at)s, closes_at = %(opens_at)s::timestamptz + %(lasts)s,
               updated_at = business_now()
         WHERE booking_id = %(booking_id)s AND kind = %(kind)s
           AND opens_at = %(was)s AND opens_at > business_now()""",
        booking_id=booking_id,
        kind=kind,
        was=was,
        opens_at=opens_at,
        lasts=lasts,
    )


async def lock_due(tx: Tx, *, limit: int) -> list[Pot]:
    """Lock pots whose window has closed, that are neither disputed nor contested.

    Pots that another transaction has locked are passed over.
    """
    return await fetch_all(
        tx,
        Pot,
        """
        SELECT * FROM pots
         WHERE state = 'held' AND NOT contested AND closes_at <= (SELECT business_now())
         ORDER BY closes_at
         LIMIT %(limit)s
           FOR NO KEY UPDATE SKIP LOCKED""",
        limit=limit,
    )


async def lock_next_due(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock one pot as `lock_due` does, but none of these."""
    return await fetch_value(
        tx,
        UUID,
        """
        SELECT id FROM pots
         WHERE state = 'held' AND NOT contested AND closes_at <= (SELECT business_now())
           AND id <> ALL(%(but)s::uuid[])
         ORDER BY closes_at
         LIMIT 1
           FOR NO KEY UPDATE SKIP LOCKED""",
        but=list(but),
    )


async def lock_of_bookings(tx: Tx, booking_ids: Sequence[UUID]) -> list[Pot]:
    """The pots of these bookings, locked until the transaction ends, in the order of ids."""
    return await fetch_all(
        tx,
        Pot,
        """
        SELECT * FROM pots WHERE booking_id = ANY(%(booking_ids)s)
         ORDER BY id
           FOR NO KEY UPDATE""",
        booking_ids=list(booking_ids),
    )


async def lock(tx: Tx, pot_id: UUID) -> Pot | None:
    return await fetch_one(
        tx, Pot, "SELECT * FROM pots WHERE id = %(id)s FOR NO KEY UPDATE", id=pot_id
    )


async def lock_kind(tx: Tx, booking_id: UUID, kind: PotKind) -> Pot | None:
    """One pot of a booking, locked until the transaction ends."""
    return await fetch_one(
        tx,
        Pot,
        """
        SELECT * FROM pots WHERE booking_id = %(booking_id)s AND kind = %(kind)s
           FOR NO KEY UPDATE""",
        booking_id=booking_id,
        kind=kind,
    )


async def of_bookings(tx: Tx, booking_ids: Sequence[UUID]) -> list[Pot]:
    return await fetch_all(
        tx,
        Pot,
        "SELECT * FROM pots WHERE booking_id = ANY(%(ids)s) ORDER BY id",
        ids=list(booking_ids),
    )


async def hosts_of(tx: Tx, pot_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The hosts of pots, by the ids of the pots."""

    class Owned(msgspec.Struct):
        id: UUID
        host_id: UUID

    found = await fetch_all(
        tx,
        Owned,
        "SELECT id, host_id FROM pots WHERE id = ANY(%(ids)s)",
        ids=list(pot_ids),
    )
    return {each.id: each.host_id for each in found}


async def other_parts(tx: Tx, booking_ids: Sequence[UUID]) -> dict[tuple[UUID, UUID], UUID]:
    """Of the charges that filled the pots of these: other hosts' parts, by booking and host."""

    class Part(msgspec.Struct):
        booking_id: UUID
        host_id: UUID
        part_id: UUID

    found = await fetch_all(
        tx,
        Part,
        """
        SELECT DISTINCT ON (one.booking_id, other.host_id)
               one.booking_id, other.host_id, other.booking_id AS part_id
          FROM pots AS one
          JOIN pots AS other ON other.payment_id = one.payment_id AND other.host_id <> one.host_id
         WHERE one.booking_id = ANY(%(ids)s)
         ORDER BY one.booking_id, other.host_id, other.booking_id""",
        ids=list(booking_ids),
    )
    return {(each.booking_id, each.host_id): each.part_id for each in found}


async def latest_charges_of_host(
    tx: Tx, host_id: UUID, gateway: GatewayName, *, limit: int
) -> list[UUID]:
    """The charges at a gateway that filled pots of a host, the latest first."""
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT DISTINCT payment_id FROM pots
         WHERE host_id = %(host_id)s AND gateway = %(gateway)s
         ORDER BY payment_id DESC
         LIMIT %(limit)s""",
        host_id=host_id,
        gateway=gateway,
        limit=limit,
    )
