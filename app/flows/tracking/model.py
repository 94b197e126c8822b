"""What people see of a booking's money: its stage, its pots, and what each waits for."""

from datetime import datetime
from enum import IntEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from msgspec import UNSET, UnsetType

from app.foundation.audit import ActorRole
from app.foundation.money import Money
from app.foundation.wire import Output
from app.money.escrow.model import PotKind, PotState
from app.money.instructions.model import InstructionReply


class Stage(IntEnum):
    """The seven stages of a booking's money: derived from states and the clock, never stored."""

    HELD = 1
    GUEST_WINDOW = 2
    RENTAL_RELEASED = 3
    HOST_WINDOW = 4
    DEPOSIT_RETURNED = 5
    COMPLETED = 6
    REFUNDED = 7


STAGE_NAMES: Final = MappingProxyType(
    {
        Stage.HELD: "funds held in escrow",
        Stage.GUEST_WINDOW: "guest dispute window",
        Stage.RENTAL_RELEASED: "room fee released",
        Stage.HOST_WINDOW: "host dispute window",
        Stage.DEPOSIT_RETURNED: "security deposit returned",
        Stage.COMPLETED: "booking completed",
        Stage.REFUNDED: "payment refunded",
    }
)


class StageReply(Output, frozen=True):
    """One of the seven stages."""

    number: int
    name: str


class Shares(Output, frozen=True):
    """How a pot was divided.

    The three shares sum to what was left of it and `fromVoucher`, which a voucher has added.
    `keptFee` is what of `commission` the gateway keeps of the charge, so that the guest bears it.
    """

    to_guest: Money
    commission: Money
    to_host: Money
    from_voucher: Money
    kept_fee: Money


class Wait(Output, frozen=True):
    """What a pot waits for, until when at the latest (null if not known), and by which rule."""

    waits_for: str
    until: datetime | None
    rule: str
    blocked_by: list[str]


class PotReply(Output, frozen=True):
    """A pot of a booking or one of its parts, with its refunds and transfers.

    `wait` is null once it is closed.

    `chargedBack` is what the guest's bank has taken of it before it was divided. While a chargeback
    is open, the pot is `frozen`.
    """

    booking_id: UUID
    kind: PotKind
    state: PotState
    amount: Money
    charged_back: Money
    frozen: bool
    opens_at: datetime | None
    closes_at: datetime | None
    shares: Shares | None
    wait: Wait | None
    instructions: list[InstructionReply]


class PartStage(Output, frozen=True):
    """The stage of the money of one part of a booking."""

    booking_id: UUID
    stage: StageReply | None


class EscrowReply(Output, frozen=True):
    """Where a booking's money is. `stage` is null while nothing has been paid.

    Of several `parts` each has a stage, and the booking has that of the part that is least far;
    what is refunded or cancelled does not hold the others back. `refunds` are those that do not
    come from a pot: of payments that were late or double.
    """

    booking_id: UUID
    now: datetime
    stage: StageReply | None
    pots: list[PotReply]
    refunds: list[InstructionReply]
    parts: list[PartStage] | UnsetType = UNSET


class EscrowEvent(Output, frozen=True):
    """One move of a pot, refund, transfer, dispute or chargeback of a booking or a part of it."""

    booking_id: UUID
    at: datetime
    what: str
    id: UUID
    was: str | None
    state: str
    actor: ActorRole
    reason: str


class EscrowTrail(Output, frozen=True):
    booking_id: UUID
    events: list[EscrowEvent]
