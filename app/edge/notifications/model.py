"""Notifications: what people are notified of, and how far sending the mail is."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NotRequired, TypedDict
from uuid import UUID

import msgspec

from app.foundation.money import Money
from app.people.mail_links.model import Purpose


class Kind(StrEnum):
    """What happened. Each has a template per language, and its name is also in a database CHECK."""

    BOOKING_CONFIRMED = "booking_confirmed"
    BOOKING_CANCELLED = "booking_cancelled"
    BOOKING_REQUESTED = "booking_requested"  # to the host, who must answer before `respond_by`
    BOOKING_DECLINED = "booking_declined"
    BOOKING_TIMES_CORRECTED = "booking_times_corrected"  # to both sides: clocks go otherwise now
    HOLD_EXPIRED = "hold_expired"
    REFUND_PENDING = "refund_pending"  # paid too late or twice: the money goes back
    DISPUTE_OPENED = "dispute_opened"  # this and the next two go to both sides
    DISPUTE_RESOLVED = "dispute_resolved"
    DISPUTE_WITHDRAWN = "dispute_withdrawn"
    REFUND_SENT = "refund_sent"  # this and the next three are about `amount`
    PAYOUT_SENT = "payout_sent"
    PAYOUT_FAILED = "payout_failed"  # given up, or the money came back
    HOST_DEBT = "host_debt"
    RENTAL_GIVEN_BACK = "rental_given_back"  # at the gateway, without us; to the host
    PAYOUT_ACCOUNT_STOPPED = "payout_account_stopped"
    BANK_REFUSED = "bank_refused"  # what the gateway paid from a payout account to its bank
    CHARGEBACK_OPENED = "chargeback_opened"  # this and the next two are about `amount`, to the host
    CHARGEBACK_WON = "chargeback_won"
    CHARGEBACK_LOST = "chargeback_lost"
    SESSION_ENDED = "session_ended"  # by an old refresh token of it, which a thief may have
    PAYOUT_ACCOUNT_CHANGED = "payout_account_changed"
    PAYOUT_NUMBER_OUTDATED = "payout_number_outdated"  # its country dials otherwise now
    SECOND_FACTOR_CHANGED = "second_factor_changed"  # set or ended, or its recovery codes renewed
    VERIFY_EMAIL = "verify_email"
    EMAIL_CHANGE_ASKED = "email_change_asked"  # to the new address
    EMAIL_CHANGED = "email_changed"  # to the old one, with a link that takes it back
    PASSWORD_RESET = "password_reset"  # noqa: S105  a kind of mail
    PASSWORD_CHANGED = "password_changed"  # noqa: S105


class DisputeFacts(TypedDict):
    """What a mail says about a dispute."""

    pot: str  # rental or deposit
    held: Money  # in that pot
    claimed: Money
    to_guest: NotRequired[Money]  # what the guest gets of what is held


class BookingFacts(TypedDict):
    """What a mail about a booking says. The caller gives it, so mails need no table of bookings.

    Instants are shown in the zone of the place if one is given, else in the reader's own zone.
    """

    booking_id: UUID
    listing_title: str
    unit_labels: list[str]
    check_in_at: datetime
    check_out_at: datetime
    total: Money
    zone: NotRequired[str]  # of the place, or of a trip's departure
    arrival_zone: NotRequired[str]
    amount: NotRequired[Money]  # what was sent or is owed of it
    reason: NotRequired[str]  # in words for people
    given_back: NotRequired[bool]  # it is about what was given back: the rest of the booking stays
    respond_by: NotRequired[datetime]  # of a chargeback: until when evidence is accepted
    dispute: NotRequired[DisputeFacts]


class PayoutAccountFacts(TypedDict):
    """What a mail about a payout account says; it is about no booking."""

    gateway: str
    currency: str
    missing: list[str]  # what the host must enter at the gateway, in its words
    reason: str  # the gateway's; may be empty


class AccountFacts(TypedDict, total=False):
    """What a mail about somebody's own account says, as text; a kind uses some of these."""

    device: str  # of a session, in words
    gateway: str
    currency: str
    number: str  # of a payout account, all but the last four digits hidden
    reason: str
    until: str  # an instant (RFC 3339)
    email: str  # the address that an account gets
    link: Purpose  # what its link does; the notification is about the link


Facts = BookingFacts | PayoutAccountFacts | AccountFacts

OF_ACCOUNTS: Final = frozenset(
    {
        Kind.SESSION_ENDED,
        Kind.PAYOUT_ACCOUNT_CHANGED,
        Kind.PAYOUT_NUMBER_OUTDATED,
        Kind.SECOND_FACTOR_CHANGED,
        Kind.VERIFY_EMAIL,
        Kind.EMAIL_CHANGE_ASKED,
        Kind.EMAIL_CHANGED,
        Kind.PASSWORD_RESET,
        Kind.PASSWORD_CHANGED,
    }
)


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A notification that only this process sends until its lease ends, and its reader.

    Its `data` is decoded when the mail is composed: so one that cannot be decoded does not stop the
    others. (It may also be of a kind that only a newer release knows.)
    """

    id: UUID
    kind: str
    source_id: UUID
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
    NOT_COMPOSED = "not_composed"  # its data or template is wrong; tried again later
    NOT_DUE = "not_due"  # delivered already, given up, or another worker has it
