"""Charges: money in, one attempt at one gateway each."""

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from app.edge.gateways.port import Facts, GatewayName
from app.foundation.errors import Conflict, GatewayTrouble, NotFound
from app.foundation.money import Money
from app.foundation.wire import Output
from app.money.instructions.model import Confirmation, Origin


class PaymentState(StrEnum):
    CREATED = "created"  # committed; the gateway may or may not know of it
    PENDING = "pending"  # the guest can pay
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABANDONED = "abandoned"


_S = PaymentState
MOVES: Final = MappingProxyType(
    {
        _S.CREATED: frozenset({_S.PENDING, _S.SUCCEEDED, _S.FAILED, _S.ABANDONED}),
        _S.PENDING: frozenset({_S.SUCCEEDED, _S.FAILED, _S.ABANDONED}),
        _S.SUCCEEDED: frozenset[PaymentState](),
        _S.FAILED: frozenset({_S.SUCCEEDED}),  # gateways change their mind
        _S.ABANDONED: frozenset({_S.SUCCEEDED}),
    }
)


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `payments`. `amount` (minor units) is what is asked for, then what was paid.

    `booking_id` and `payer_id` are null if the gateway knows the charge, and we do not know what it
    was for: such a charge is given back. `fee` is what is posted as the gateway's fee, null until
    it is known: in minor units of what was `settled`, if the gateway exchanged the money.
    `asked_amount` is set if something else was paid; `set_aside_because` if it buys nothing.
    """

    id: UUID
    booking_id: UUID | None
    payer_id: UUID | None
    gateway: GatewayName
    reference: str
    state: PaymentState
    amount: int
    currency: str
    refunded: int  # the sum of its refunds, whether they have arrived or not
    origin: Origin = Origin.BERTHOLD
    gateway_id: str | None = None
    fee: int | None = None
    fee_corrections: int = 0
    gateway_data: Facts | None = None
    asked_amount: int | None = None
    asked_currency: str | None = None
    set_aside_because: str | None = None
    settled_amount: int | None = None
    settled_currency: str | None = None
    charged_back: int = 0  # of what is not refunded: what the guest's bank has taken back
    contested: bool = False  # a chargeback of this charge is open
    checkout_url: str | None
    checkout_id: str | None = None  # what its gateway takes to close that page
    failure: str | None
    created_at: datetime
    settled_at: datetime | None
    calling: bool  # a call that starts it at the gateway may be under way

    @property
    def money(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)

    def money_of(self, amount: int) -> Money:
        """An amount of it, in minor units, as money."""
        return Money(amount=amount, currency=self.currency)

    @property
    def asked(self) -> Money:
        """What was asked for, whatever was paid."""
        if self.asked_amount is None or self.asked_currency is None:
            return self.money
        return Money(amount=self.asked_amount, currency=self.asked_currency)

    @property
    def received(self) -> Money | None:
        """What was paid; None until it is."""
        return self.money if self.state is PaymentState.SUCCEEDED else None

    @property
    def settled(self) -> Money | None:
        """What the gateway added to our balance; None if it did not exchange the money."""
        if self.settled_amount is None or self.settled_currency is None:
            return None
        return Money(amount=self.settled_amount, currency=self.settled_currency)

    @property
    def owed_to(self) -> UUID:
        """Whose it is in the ledger if it buys nothing: the payer's, or nobody's that we know."""
        return self.payer_id or self.id

    @property
    def known_booking_id(self) -> UUID:
        """Its booking; LookupError for a charge that came without one."""
        if self.booking_id is None:
            raise LookupError(f"the charge {self.reference} is of no booking that is here")
        return self.booking_id

    @property
    def known_payer_id(self) -> UUID:
        """Its payer; LookupError for a charge that came without one."""
        if self.payer_id is None:
            raise LookupError(f"nobody that we know has paid the charge {self.reference}")
        return self.payer_id

    @property
    def asked_as(self) -> str:
        """The reference under which its gateway has it.

        That of a second payment under one reference ends with the gateway's id.
        """
        return self.reference.partition(".")[0] if self.origin is Origin.GATEWAY else self.reference

    @property
    def asked_id(self) -> str | None:
        """The gateway's id by which alone it can be asked about; None if its reference will do."""
        _, _, gateway_id = self.reference.partition(".")
        return gateway_id if gateway_id and self.origin is Origin.GATEWAY else None

    @property
    def charge_id(self) -> str | None:
        """The gateway's id of what was paid; None until it is paid."""
        return self.gateway_id if self.state is PaymentState.SUCCEEDED else None

    @property
    def is_open(self) -> bool:
        return self.state in (PaymentState.CREATED, PaymentState.PENDING)


class Verdict(StrEnum):
    """What changed because of a gateway's report of a charge."""

    PAID = "paid"
    PAID_OTHERWISE = "paid otherwise"  # with another amount or currency than was asked for
    FAILED = "failed"
    UNCHANGED = "unchanged"


class Unwanted(StrEnum):
    """Why a charge buys nothing and is refunded. The value is also the kind of its alert."""

    LATE = "late_payment"
    SECOND = "second_payment"
    WRONG = "wrong_payment"
    UNKNOWN = "unknown_payment"  # of no booking that is here
    PAID_OUT = "payment_paid_out"  # of no booking that is here, and its host has been paid
    GIVEN_BACK = "payment_given_back"  # somebody gave it back at the gateway before we saw it

    @property
    def reason(self) -> str:
        return self.replace("_", " ")


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of a charge to refund. `source_id` is its cause: pot, late refund or charge.

    `booking_id` is the part of the charge's booking that it is of; None: it is of all of it.
    `automatic`: no person has asked for it, and it waits at the refund gate.
    """

    payment_id: UUID
    booking_id: UUID | None = None
    source_id: UUID
    amount: int
    reason: str
    automatic: bool = False


class PaymentReply(Output, frozen=True):
    """A payment as its payer sees it.

    `amount` is what was asked for, `received` what was paid: null until it is. `paysBooking`: it
    was paid as it was asked for, and the booking has it. One that was paid and buys nothing says
    why in `setAsideBecause`, and is given back.
    """

    id: UUID
    booking_id: UUID | None
    reference: str
    gateway: GatewayName
    state: PaymentState
    amount: Money
    received: Money | None
    pays_booking: bool
    set_aside_because: str | None
    refunded: Money
    charged_back: Annotated[Money, Meta(description="Taken back by the payer's bank")]
    checkout_url: str | None
    failure: str | None
    created_at: datetime
    settled_at: datetime | None
    confirmation: Confirmation | None

    @classmethod
    def of(cls, payment: Payment) -> "PaymentReply":
        return cls(
            id=payment.id,
            booking_id=payment.booking_id,
            reference=payment.reference,
            gateway=payment.gateway,
            state=payment.state,
            amount=payment.asked,
            received=payment.received,
            pays_booking=payment.received is not None and payment.set_aside_because is None,
            set_aside_because=payment.set_aside_because,
            refunded=Money(amount=payment.refunded, currency=payment.currency),
            charged_back=Money(amount=payment.charged_back, currency=payment.currency),
            checkout_url=payment.checkout_url if payment.is_open else None,
            failure=payment.failure,
            created_at=payment.created_at,
            settled_at=payment.settled_at,
            confirmation=_confirmation(payment),
        )


def _confirmation(payment: Payment) -> Confirmation | None:
    if payment.settled_at is None:
        return None
    return Confirmation(
        at=payment.settled_at, gateway_id=payment.gateway_id, data=payment.gateway_data or {}
    )


class NoSuchPayment(NotFound):
    title = "There is no such payment"


class RefundExceedsCharge(Conflict):
    """All refunds of a charge together cannot be more than the charge."""

    title = "More than was paid cannot be refunded"


class ChargeContested(Conflict):
    """A chargeback is open: until it is decided, nobody gets this money."""

    title = "The guest's bank contests this payment"


class PaymentStarting(Conflict):
    """Another request is starting this payment at the gateway right now."""

    title = "This payment is being started"


class GatewayRefused(GatewayTrouble):
    """502: the gateway refused the charge; no money was taken."""

    title = "The payment gateway refused the payment"


class GatewayUnclear(GatewayTrouble):
    """504: the gateway's answer is missing or inconclusive. The same request with the same key
    continues where this one ended.
    """

    status = 504
    title = "The payment gateway did not answer"
