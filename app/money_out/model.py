"""Money out, as admins ask for it and see it."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from app.errors import Conflict
from app.instructions.model import (
    InstructionKind,
    InstructionMove,
    InstructionReply,
    InstructionState,
)
from app.wire import Input, Output

Reason = Annotated[
    str, Meta(min_length=1, max_length=1_000, pattern=r"\S", examples=["The account is open now"])
]


class Because(Input, frozen=True):
    """Why an admin does something: kept in the audit log."""

    reason: Reason


class InstructionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which refunds or transfers to show; None asks for any."""

    kind: InstructionKind
    state: InstructionState | None
    booking_id: UUID | None
    payee_id: UUID | None


class InstructionStory(Output, frozen=True):
    """A refund or transfer with all that happened to it.

    `source` is the pot, charge, debt or instruction that caused it. `reissuedAs` is what sent its
    money again after it had come back.
    """

    instruction: InstructionReply
    source: UUID
    reissued_as: UUID | None
    history: list[InstructionMove]


class NotReversed(Conflict):
    """Only money that came back can be sent again."""

    title = "It has not come back"


class ReissuedBefore(Conflict):
    """What came back is sent again once; if that comes back too, send that one again."""

    title = "Its money was sent again before"
