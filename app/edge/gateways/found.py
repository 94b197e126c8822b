"""What gateways report when they are asked, in Berthold's own words: the answers of the port."""

from datetime import datetime
from enum import StrEnum

import msgspec

from app.foundation.money import Money

Fact = str | int | float | bool | None
Facts = dict[str, Fact]


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """Neither yes nor no: a time-out, lost connection, 5xx or nonsense. Look the reference up.

    `has_ended`: the gateway has done with the call. What a look-up does not find now will not come
    later. `is_spent`: the gateway may repeat this answer for the reference from now on: if nothing
    is found, try again with a new one.
    """

    reason: str
    has_ended: bool = False
    is_spent: bool = False


class ChargeStatus(StrEnum):
    """What became of a charge.

    Only SUCCEEDED is paid. ABANDONED means "not completed": the guest left, or has not come yet
    (Paystack reports it from the first moment on), and may still pay while the checkout page is
    open. So it ends a charge only after our own payment deadline. FAILED may become SUCCEEDED too,
    if the gateway lets the guest try again on its page.
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PENDING = "pending"
    ABANDONED = "abandoned"


class FoundCharge(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway reports of a charge now.

    `money` is what the guest was asked for (never more than what came in): compare its amount and
    currency with the price. `live` says that real money moved: compare it with `Gateway.live`.
    `failure` is the gateway's reason, or empty. `data` is small, JSON-safe, and worth keeping.

    `settled` is what the gateway added to our balance for it, if it exchanged the money; None if it
    did not. `fee` is what it keeps of that, in minor units of that currency, rounded down; None
    until it reports one: ask again. `refunded` is what of `money` was given back already, by us or
    others, in minor units; None if only `find_refunds` can say. `at` is when it was begun.
    `also_paid` has the gateway's ids of further payments that succeeded under the same reference.
    `metadata` is what was given with it as it was begun, as far as the gateway returns it.
    """

    reference: str
    gateway_id: str
    status: ChargeStatus
    money: Money
    fee: int | None
    failure: str
    live: bool
    data: Facts
    at: datetime | None = None
    settled: Money | None = None
    refunded: int | None = None
    also_paid: tuple[str, ...] = ()
    metadata: dict[str, str] = {}


class NoSuchCharge(msgspec.Struct, frozen=True, kw_only=True):
    """Conclusive: the gateway has no charge with this reference now.

    For a charge that was started it means ABANDONED: some gateways know a charge only after the
    guest has tried to pay it.
    """


class MoneyOutStatus(StrEnum):
    """What became of a refund or transfer.

    Only SUCCEEDED is paid out. REVERSED was paid out and came back. FAILED was never paid out; if
    we knew it as SUCCEEDED, it came back too. PENDING may still become anything: a new attempt
    while one is pending may pay twice.
    """

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVERSED = "reversed"

    @property
    def moves_money(self) -> bool:
        """Whether money is out, or may still go out: another attempt could pay twice."""
        return self in (MoneyOutStatus.SUCCEEDED, MoneyOutStatus.PENDING)


class FoundInstruction(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway reports of a refund or transfer now.

    `money` is all that it pays out under this reference: compare its amount and currency with what
    was instructed; `live` as in FoundCharge. `returned` is what of it came back, in minor units; if
    that is all of it, the status says so too. `settled` is what it took out of our balance, if it
    exchanged the money. `fee` is what the gateway charges beyond that, in minor units, rounded
    down; None if it reports none (yet). `failure` is the gateway's reason for a failure, or, while
    it is PENDING, what an operator must do; else empty. `at` is when it was begun.

    `charge_reference` (ours) and `charge_id` (the gateway's) name the charge that it is of, as far
    as the gateway says; `recipient` is the gateway's code of the payee, or the bank's code
    and the number of the account.
    """

    reference: str
    gateway_id: str
    status: MoneyOutStatus
    money: Money
    failure: str
    live: bool
    fee: int | None
    data: Facts
    at: datetime | None = None
    returned: int = 0
    settled: Money | None = None
    charge_reference: str = ""
    charge_id: str = ""
    recipient: str = ""


class NoSuchInstruction(msgspec.Struct, frozen=True, kw_only=True):
    """Conclusive: the gateway has nothing with this reference.

    A call that is under way may still arrive: then ask again after it must have ended.
    """


class ChargebackStatus(StrEnum):
    """What became of a chargeback."""

    OPEN = "open"  # evidence is awaited, or under review
    WON = "won"  # we keep the money; also if the bank has withdrawn the chargeback
    LOST = "lost"  # the money is gone; also if we have accepted the chargeback


class FoundChargeback(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway reports now of a charge that the guest's bank wants back.

    `charge_reference` is the charge's, empty if it has none: then the charge is not ours. `money`
    is what the bank wants, never more than the charge. `is_taken`: it is out of our balance now.
    Some gateways take it when the chargeback opens, and return it some time after it is won; others
    take it when it is lost. `fee` is what the gateway charges beyond `money`, in minor units,
    rounded down; None if it reports none (yet). If our balance is in another currency, `settled` is
    what was taken out of it, `returned` what came back of that, and `fee` is in that currency too:
    both are None otherwise. `reason` is the bank's. Evidence is accepted until
    `evidence_due_at`; None if it is not accepted, or no date is reported. `live` and `data` as in
    FoundCharge.
    """

    gateway_id: str
    charge_reference: str
    status: ChargebackStatus
    money: Money
    is_taken: bool
    fee: int | None
    reason: str
    evidence_due_at: datetime | None
    live: bool
    data: Facts
    at: datetime | None = None
    settled: Money | None = None
    returned: Money | None = None


class FoundPayout(msgspec.Struct, frozen=True, kw_only=True):
    """A payout of the gateway to our own bank account.

    `money` is what the bank gets; `fee` what the gateway keeps of it beyond that, in minor units.
    `arrives_at` is when the gateway expects it there; `reference` what the bank's statement shows,
    as far as that is known. PENDING has not left our balance for good; FAILED came back to it.
    """

    gateway_id: str
    reference: str
    status: MoneyOutStatus
    money: Money
    fee: int
    arrives_at: datetime | None
    failure: str
    live: bool
    data: Facts
    at: datetime | None = None


class FoundChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change of our balance at the gateway that is in no other list, such as an adjustment.

    `amount` is signed minor units: what was added to our balance, or taken from it. `is_fee`: the
    gateway charges it for its service, and for no charge or transfer of its own. `what` is the
    gateway's word for it.
    """

    gateway_id: str
    what: str
    amount: int
    currency: str
    is_fee: bool
    data: Facts
    at: datetime | None = None
