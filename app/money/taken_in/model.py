"""What was moved at a gateway without us, and whose money it was."""

from typing import Final
from uuid import UUID

import msgspec

from app.edge.gateways.port import GatewayName
from app.foundation.money import Money
from app.money.instructions.model import InstructionKind

# Why something was taken in, in the words that people read.
REFUNDED_THERE: Final = "refunded at the gateway"
PAID_THERE: Final = "paid out at the gateway"


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """Whose money it was, in minor units.

    `from_unsent`: it was promised to its payee, and had not been sent. `from_owed`: it was owed to
    its payee by a charge that bought nothing, and not promised yet. `from_deposit`, `from_rental`:
    it was held in escrow. `from_transfers`: hosts were to get it, and had not been sent it.
    `from_host`: the host got it ahead of time, and owes it. `loss`: it was nobody's any more, and
    the platform bears it.
    """

    from_unsent: int = 0
    from_owed: int = 0
    from_deposit: int = 0
    from_rental: int = 0
    from_transfers: int = 0
    from_host: int = 0
    loss: int = 0


class TakenIn(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `taken_in`. It is the source of the instruction that stands for the movement."""

    id: UUID
    kind: InstructionKind
    payment_id: UUID
    booking_id: UUID | None
    gateway: GatewayName
    gateway_id: str
    amount: int
    currency: str
    from_unsent: int
    from_owed: int
    from_deposit: int
    from_rental: int
    from_transfers: int
    from_host: int
    loss: int

    @property
    def money(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)
