"""How money is sent again, what a payee is notified of, and what a refund past the payout means."""

from collections.abc import Sequence

from app.edge.gateways.amounts import Operation
from app.edge.gateways.port import (
    FoundInstruction,
    MoneyOutStatus,
    NoSuchInstruction,
    Unknown,
)
from app.edge.gateways.registry import check_payable
from app.edge.notifications.model import BookingFacts, Kind
from app.flows.sending.model import (
    Bearer,
    LateRefund,
    NotReversed,
    ReissuedBefore,
    StillHeld,
    TakenByBank,
)
from app.foundation.errors import Invalid
from app.foundation.money import Money
from app.market.bookings import rules as booking_rules
from app.market.bookings.model import Booking
from app.money.escrow.model import Pot
from app.money.instructions.model import (
    Instruction,
    InstructionKind,
    InstructionState,
)
from app.money.ledger.model import Account, AccountKind, Entry, Posting, PostingKind
from app.money.payments.model import Payment, RefundExceedsCharge


def notification(was: InstructionState, instruction: Instruction) -> Kind | None:
    """Of what to notify the payee of an instruction that was in state `was`; None if of nothing.

    Of a failed transfer only when it is given up: until then it may still arrive.
    """
    match instruction.state:
        case now if now is was:
            return None
        case InstructionState.CONFIRMED:
            is_refund = instruction.kind is InstructionKind.REFUND
            return Kind.REFUND_SENT if is_refund else Kind.PAYOUT_SENT
        case InstructionState.REVERSED if instruction.kind is InstructionKind.TRANSFER:
            return Kind.PAYOUT_FAILED
        case InstructionState.FAILED if instruction.kind is InstructionKind.TRANSFER:
            return None if instruction.next_try_at else Kind.PAYOUT_FAILED
        case _:
            return None


def with_settlement(
    found: FoundInstruction | NoSuchInstruction | Unknown, charge: Payment
) -> FoundInstruction | NoSuchInstruction | Unknown:
    """What was found of a refund, or Unknown while it is not known what left our balance for it.

    Of a charge that the gateway has exchanged, that is in another currency than the refund.
    """
    if not isinstance(found, FoundInstruction) or charge.settled is None:
        return found
    if found.status is MoneyOutStatus.SUCCEEDED and found.settled is None:
        return Unknown(reason="the gateway does not say yet what it took from our balance")
    return found


def facts(booking: Booking, money: Money, *, reason: str) -> BookingFacts:
    """What a mail says about money of a booking."""
    facts = booking_rules.facts(booking, reason=reason)
    facts["amount"] = money
    return facts


def check_divided(pots: Sequence[Pot]) -> Pot:
    """A pot that was divided. Raises StillHeld if none was."""
    for pot in pots:
        if pot.to_guest is not None:
            return pot
    raise StillHeld(
        "Cancel the booking, or decide its dispute." if pots else "Nothing has been paid for it."
    )


def check_amount(
    asked: Money, payment: Payment, pots: Sequence[Pot], *, own: Sequence[Pot], before: int
) -> None:
    """Check that so much can be given back of a charge, beside what is held of it.

    `own` are those of the charge's pots that it is given back of: not more than was in them, less
    what was given back of them `before`, past the payout (minor units). And its gateway must be
    able to pay such an amount.

    Raises Invalid, RefundExceedsCharge.
    """
    if asked.currency != payment.currency:
        raise Invalid.field("amount.currency", f"the charge was in {payment.currency}")
    if not asked.amount:
        raise Invalid.field("amount.amount", "must be more than nothing")
    check_payable("amount.amount", asked, operation=Operation.REFUND, gateway=payment.gateway)
    held = sum(pot.left for pot in pots if pot.is_undivided and pot.payment_id == payment.id)
    left = payment.amount - payment.refunded - payment.charged_back - held
    if asked.amount > left:
        raise RefundExceedsCharge(
            f"{Money(amount=left, currency=payment.currency)} is left of the charge."
        )
    of_part = sum(pot.left - (pot.to_guest or 0) for pot in own if not pot.is_undivided) - before
    if asked.amount > of_part:
        most = Money(amount=max(of_part, 0), currency=payment.currency)
        raise RefundExceedsCharge(f"{most} is left of what was paid for this part.")


def amount_back(came_back: Instruction, before: Sequence[Instruction]) -> int:
    """How much of an instruction came back, whole or in parts, in minor units.

    It is sent again once: `before` is what took its place. Raises NotReversed, TakenByBank if a
    chargeback took it or it was paid at the gateway without us, ReissuedBefore.
    """
    is_whole = came_back.state is InstructionState.REVERSED
    back = came_back.amount if is_whole else came_back.returned
    if not back:
        raise NotReversed(f"It is {came_back.state}.")
    if not before:
        return back
    if before[0].state is InstructionState.CANCELLED:
        raise TakenByBank(
            f"{came_back.money} came back, and went into a chargeback or was paid by hand."
        )
    raise ReissuedBefore(f"It was, as {before[0].id}.")


def posting_of(refund: LateRefund, booking: Booking) -> Posting:
    """The bearer of the refund owes it, and it is owed to the guest."""
    guest = Account(AccountKind.GUEST_REFUNDABLE, refund.currency, owner_id=booking.guest_id)
    match refund.borne_by:
        case Bearer.HOST:
            kind = PostingKind.HOST_DEBIT
            bearer = Account(AccountKind.HOST_PAYABLE, refund.currency, owner_id=booking.host_id)
        case Bearer.PLATFORM:
            kind = PostingKind.PLATFORM_DEBIT
            bearer = Account(AccountKind.PLATFORM_REVENUE, refund.currency)
    return Posting(
        kind=kind,
        source_id=refund.id,
        booking_id=booking.id,
        entries=(Entry(bearer, -refund.amount), Entry(guest, refund.amount)),
        memo=refund.reason,
    )
