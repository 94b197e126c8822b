"""Pots: those of a shop's bookings, and one made up for rules."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.edge.gateways.port import GatewayName
from app.money.escrow.model import Pot, PotKind, PotState
from tests import make
from tests.shop import Shop

CREATED: Final = datetime(2027, 3, 1, 14, tzinfo=UTC)


async def release_fares(shop: Shop, *seats: str) -> None:
    """Let journeys be over, a booking for each seat, whose host is to be paid."""
    for seat in seats:
        booking = await shop.reserve(seat)
        await shop.paid(booking)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=1, seconds=1))
    assert await shop.sweep("release-escrow") == len(seats)


async def pots(shop: Shop, booking: dict[str, Any]) -> list[str]:
    """The pots of a booking and their states, the rental first."""
    return await shop.values(
        "SELECT kind || ' ' || state FROM pots WHERE booking_id = %(id)s ORDER BY kind DESC",
        id=booking["id"],
    )


def pot(kind: PotKind, amount: int, *, currency: str = "NGN", commission_bps: int = 1_000) -> Pot:
    """A pot of no booking, for rules that only look at it."""
    return Pot(
        id=make.new_id(),
        booking_id=make.new_id(),
        kind=kind,
        state=PotState.HELD,
        payment_id=make.new_id(),
        guest_id=make.new_id(),
        host_id=make.new_id(),
        gateway=GatewayName.PAYSTACK,
        amount=amount,
        currency=currency,
        commission_bps=commission_bps,
        opens_at=None,
        closes_at=None,
        to_guest=None,
        commission=None,
        to_host=None,
        created_at=CREATED,
        updated_at=CREATED,
        divided_at=None,
    )
