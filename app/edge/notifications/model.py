"""Notifications: what is told to whom, and how far the telling is."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NotRequired, TypedDict
from uuid import UUID

import msgspec

from app.foundation.money import Money


class Kind(StrEnum):
    """What happened. Each has a template per language, and its name is also in a database CHECK."""

    BOOKING_CONFIRMED = "booking_confirmed"
    BOOKING_CANCELLED = "booking_cancelled"
    BOOKING_REQUESTED = "booking_requested"  # to the host, who has to answer until `respond_by`
    BOOKING_DECLINED = "booking_declined"
    HOLD_EXPIRED = "hold_expired"
    REFUND_PENDING = "refund_pending"  # paid too late or twice: the money goes back
    DISPUTE_OPENED = "dispute_opened"  # this and the next two to both sides
    DISPUTE_RESOLVED = "dispute_resolved"
    DISPUTE_WITHDRAWN = "dispute_withdrawn"
    REFUND_SENT = "refund_sent"  # this and the next three are about `amount`
    PAYOUT_SENT = "payout_sent"
    PAYOUT_FAILED = "payout_failed"  # given up, or come back
    HOST_DEBT = "host_debt"
    PAYOUT_ACCOUNT_STOPPED = "payout_account_stopped"
    CHARGEBACK_OPENED = "chargeback_opened"  # this and the next two about `amount`, to the host
    CHARGEBACK_WON = "chargeback_won"
    CHARGEBACK_LOST = "chargeback_lost"


class DisputeFacts(TypedDict):
    """What a mail about a dispute says of it."""

    pot: str  # rental or deposit
    held: Money  # in that pot
    claimed: Money
    to_guest: NotRequired[Money]  # what the guest gets of what is held


class BookingFacts(TypedDict):
    """What a mail about a booking says. The caller brings it, so that mail needs no bookings.

    Instants are shown in the zone of the place if one is given, else in the reader's own.
    """

    booking_id: UUID
    listing_title: str
    unit_labels: list[str]
    check_in_at: datetime
    check_out_at: datetime
    total: Money
    zone: NotRequired[str]  # of the place, or of a trip's departure
    arrival_zone: NotRequired[str]
    amount: NotRequired[Money]  # of it, that was sent or is owed
    reason: NotRequired[str]  # in words for people
    respond_by: NotRequired[datetime]  # also: until when evidence is looked at
    dispute: NotRequired[DisputeFacts]


class PayoutAccountFacts(TypedDict):
    """What a mail about a payout account says, which is about no booking."""

    gateway: str
    currency: str
    missing: list[str]  # what the gateway must be told, in its words
    reason: str  # the gateway's; may be empty


Facts = BookingFacts | PayoutAccountFacts


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A notification that this process alone sends until its lease ends, and its reader.

    What it says is read when it is composed, so that one that cannot be read does not keep the
    outbox from being swept. (It may also be of a kind that only a newer process knows.)
    """

    id: UUID
    kind: str
    data: dict[str, Any]
    attempts: int  # this one included
    created_at: datetime
    email: str
    name: str
    locale: str
    zone: str


class Outcome(StrEnum):
    """What became of one attempt to deliver."""

    SENT = "sent"
    RETRIED = "retried"
    FAILED = "failed"
    NOT_COMPOSED = "not_composed"  # its data or its template is at fault; tried again later
    NOT_DUE = "not_due"  # delivered already, given up, or another worker is at it
