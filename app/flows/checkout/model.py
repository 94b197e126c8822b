"""Checkout: the request to pay, and this room's problems."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from app.foundation.errors import Conflict
from app.foundation.wire import Input


class Initiate(Input, frozen=True):
    """Pay for a booking. `returnUrl` is where the gateway sends the guest afterwards."""

    booking_id: UUID
    return_url: Annotated[str, Meta(max_length=1000, pattern=r"^https?://[^\s<>\"]+$")] | None = (
        None
    )


class HoldExpired(Conflict):
    """The time to pay is over, and the units may have been booked by others."""

    title = "The hold has expired"


class StillOpen(Conflict):
    """A webhook says that a charge has ended, and its gateway that it has not: ask again."""

    title = "The payment is still open"


class NotPayable(Conflict):
    """The booking is not waiting for a payment."""

    title = "There is nothing to pay"
