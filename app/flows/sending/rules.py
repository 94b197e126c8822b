"""What sends money again, who is told of its end, and what a refund past the payout means."""

from collections.abc import Sequence

from app.edge.notifications.model import BookingFacts, Kind
from app.flows.sending.model import Bearer, LateRefund, StillHeld, TakenByBank
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


def news(was: InstructionState, instruction: Instruction) -> Kind | None:
    """What to tell the payee of an instruction that was in this state; None where nothing ended.

    A transfer that fails is told of when it is given up: until then it may still arrive.
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


def facts(booking: Booking, money: Money, *, reason: str) -> BookingFacts:
    """What a mail says about money of a booking."""
    told = booking_rules.facts(booking, reason=reason)
    told["amount"] = money
    return told


def check_divided(pots: Sequence[Pot]) -> Pot:
    """A pot of those that have been divided. Raises StillHeld if none has."""
    for pot in pots:
        if pot.to_guest is not None:
            return pot
    raise StillHeld(
        "Cancel the booking, or decide its dispute." if pots else "Nothing has been paid for it."
    )


def check_amount(asked: Money, payment: Payment, pots: Sequence[Pot]) -> None:
    """What can still be given back of a charge, beside what is held of it and will be divided.

    Raises Invalid, RefundExceedsCharge.
    """
    if asked.currency != payment.currency:
        raise Invalid.field("amount.currency", f"the charge was in {payment.currency}")
    if not asked.amount:
        raise Invalid.field("amount.amount", "must be more than nothing")
    held = sum(pot.left for pot in pots if pot.is_undivided)
    left = payment.amount - payment.refunded - payment.charged_back - held
    if asked.amount > left:
        raise RefundExceedsCharge(
            f"{Money(amount=left, currency=payment.currency)} is left of the charge."
        )


def check_owed(came_back: Instruction, again: Instruction) -> None:
    """Raises TakenByBank if a chargeback took what came back: it is not to be sent any more."""
    if again.state is InstructionState.CANCELLED:
        raise TakenByBank(f"{came_back.money} came back, and went into a chargeback.")


def posting_of(refund: LateRefund, booking: Booking) -> Posting:
    """Whoever bears the refund owes it, and the guest has it owing."""
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
