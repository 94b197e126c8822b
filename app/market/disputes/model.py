"""Disputes: states and moves, rows, requests, replies, and this room's problems."""

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.foundation.audit import ActorRole
from app.foundation.errors import Conflict, NotFound
from app.foundation.money import Money
from app.foundation.wire import Input, Output, ShortReason, Text
from app.money.escrow.model import PotKind

DECIDED_WITHIN_DAYS: Final = 14  # then operators are alerted
UNDECIDED: Final = "dispute_undecided"
FILES_MAX: Final = 10  # at a time
EVIDENCE_MAX: Final = 50  # per dispute
DISPUTES_MAX: Final = 3  # per pot, with those that were withdrawn


class DisputeState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"


_S = DisputeState
MOVES: Final = MappingProxyType(
    {
        _S.OPEN: frozenset({_S.RESOLVED, _S.WITHDRAWN}),
        _S.RESOLVED: frozenset[DisputeState](),
        _S.WITHDRAWN: frozenset[DisputeState](),
    }
)


class Side(StrEnum):
    """Who disputes a pot: the guest the rental, the host (for damage) the deposit."""

    GUEST = "guest"
    HOST = "host"

    @property
    def pot(self) -> PotKind:
        return PotKind.RENTAL if self is Side.GUEST else PotKind.DEPOSIT

    @property
    def role(self) -> ActorRole:
        return ActorRole.GUEST if self is Side.GUEST else ActorRole.HOST


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `disputes` with its pot's kind, amount (`held`) and currency; in minor units."""

    id: UUID
    pot_id: UUID
    booking_id: UUID
    pot: PotKind
    held: int
    currency: str
    opened_by: UUID
    side: Side
    state: DisputeState
    reason: str
    claimed: int
    to_guest: int | None
    resolved_by: UUID | None
    decision: str | None
    opened_at: datetime
    ended_at: datetime | None

    def money(self, amount: int) -> Money:
        return Money(amount=amount, currency=self.currency)


# ---- requests -----------------------------------------------------------------------------------

FileReference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=1_000,
        description="An https:// address, or the key of a file in a store of the client's",
        examples=["https://files.example/broken-window.jpg", "uploads/broken-window.jpg"],
    ),
]


class NewEvidence(Input, frozen=True):
    """Evidence of one side: a text, files, or both."""

    text: Text = ""
    files: Annotated[list[FileReference], Meta(max_length=FILES_MAX)] = msgspec.field(
        default_factory=list[str]
    )


class OpenDispute(Input, frozen=True):
    """The guest's dispute. `claimed` is how much should be given back; all of it if left out."""

    reason: ShortReason
    claimed: Money | None = None
    evidence: NewEvidence | None = None


class DamageReport(Input, frozen=True):
    """The host's report of damage. `claimed` is how much of the deposit the host asks for."""

    reason: ShortReason
    claimed: Money
    evidence: NewEvidence | None = None


class Resolve(Input, frozen=True):
    """An admin's decision: how much of the pot the guest gets; the rest is for the host."""

    to_guest: Money
    decision: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=r"\S")]


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """A request to dispute a pot, by the guest or the host."""

    side: Side
    reason: str
    claimed: Money | None
    evidence: NewEvidence | None


# ---- replies ------------------------------------------------------------------------------------


class Evidence(Output, frozen=True):
    """A piece of evidence of one side, and when it was added."""

    side: Side
    text: str
    files: list[str]
    at: datetime


class DisputeReply(Output, frozen=True):
    """A dispute about a pot that holds `held`. `toGuest` and `decision` are null until decided.

    `evidence` is sorted from the oldest to the newest; lists for admins leave it out.
    """

    id: UUID
    booking_id: UUID
    pot: PotKind
    side: Side
    state: DisputeState
    reason: str
    held: Money
    claimed: Money
    to_guest: Money | None
    decision: str | None
    opened_at: datetime
    ended_at: datetime | None
    evidence: list[Evidence] | UnsetType = UNSET

    @classmethod
    def of(cls, dispute: Dispute, evidence: list[Evidence] | UnsetType = UNSET) -> "DisputeReply":
        to_guest = dispute.to_guest
        return cls(
            id=dispute.id,
            booking_id=dispute.booking_id,
            pot=dispute.pot,
            side=dispute.side,
            state=dispute.state,
            reason=dispute.reason,
            held=dispute.money(dispute.held),
            claimed=dispute.money(dispute.claimed),
            to_guest=None if to_guest is None else dispute.money(to_guest),
            decision=dispute.decision,
            opened_at=dispute.opened_at,
            ended_at=dispute.ended_at,
            evidence=evidence,
        )


class DisputeList(Output, frozen=True):
    """The oldest first."""

    disputes: list[DisputeReply]


class DisputePage(Output, frozen=True):
    """Open ones first, the oldest of them first; then the others, the newest first."""

    disputes: list[DisputeReply]
    next_cursor: str | None


# ---- problems -----------------------------------------------------------------------------------


class NoSuchDispute(NotFound):
    title = "There is no such dispute"


class TooMuchEvidence(Conflict):
    """The dispute has as many pieces of evidence as are allowed."""

    title = "There is evidence enough"
