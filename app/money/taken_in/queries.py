"""One statement per function on `taken_in`."""

from uuid import UUID

from msgspec import structs

from app.foundation.db import Tx, execute, fetch_all
from app.money.taken_in.model import TakenIn


async def insert(tx: Tx, new: TakenIn) -> None:
    await execute(
        tx,
        """
        INSERT INTO taken_in (
            id, kind, payment_id, booking_id, gateway, gateway_id, amount, currency,
            from_unsent, from_owed, from_deposit, from_rental, from_transfers, from_host, loss)
        VALUES (
            %(id)s, %(kind)s, %(payment_id)s, %(booking_id)s, %(gateway)s, %(gateway_id)s,
            %(amount)s, %(currency)s, %(from_unsent)s, %(from_owed)s, %(from_deposit)s,
            %(from_rental)s, %(from_transfers)s, %(from_host)s, %(loss)s)""",
        **structs.asdict(new),
    )


async def of_booking(tx: Tx, booking_id: UUID) -> list[TakenIn]:
    return await fetch_all(
        tx,
        TakenIn,
        "SELECT * FROM taken_in WHERE booking_id = %(id)s ORDER BY id",
        id=booking_id,
    )
