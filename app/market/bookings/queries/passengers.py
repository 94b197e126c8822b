"""One statement per function on `passengers`."""

from uuid import UUID

from app.foundation.db import (
    Tx,
    execute,
    fetch_all,
)
from app.market.bookings.model import PassengerRow


async def replace_passengers(
    tx: Tx,
    booking_id: UUID,
    *,
    unit_ids: list[int],
    names: list[str],
    documents: list[str],
    contacts: list[str],
) -> None:
    """Make these the passengers of a booking, one for each unit; all others are deleted."""
    await execute(
        tx,
        """
        WITH gone AS (
            DELETE FROM passengers
             WHERE booking_id = %(booking_id)s AND unit_id <> ALL(%(unit_ids)s::bigint[])
        )
        INSERT INTO passengers (booking_id, unit_id, name, document, contact)
        SELECT %(booking_id)s, given.* FROM unnest(
               %(unit_ids)s::bigint[], %(names)s::text[], %(documents)s::text[],
               %(contacts)s::text[]) AS given
            ON CONFLICT (booking_id, unit_id) DO UPDATE
           SET name = excluded.name, document = excluded.document, contact = excluded.contact,
               updated_at = business_now()""",
        booking_id=booking_id,
        unit_ids=unit_ids,
        names=names,
        documents=documents,
        contacts=contacts,
    )


async def passengers(tx: Tx, booking_id: UUID) -> list[PassengerRow]:
    """The passengers of a booking that are named, in the order of their units."""
    return await fetch_all(
        tx,
        PassengerRow,
        """
        SELECT unit_id, name, document, contact FROM passengers
         WHERE booking_id = %(booking_id)s
         ORDER BY unit_id""",
        booking_id=booking_id,
    )
