"""The postings of charges, and the instructions of their refunds."""

from collections import defaultdict
from collections.abc import Sequence, Set
from uuid import UUID

import uuid_utils.compat

from app.edge.gateways.amounts import Operation
from app.edge.gateways.port import ChargeStatus, FoundCharge, GatewayName
from app.edge.gateways.registry import amounts_of
from app.foundation.ids import derived
from app.foundation.money import Money
from app.money.instructions.model import InstructionKind, NewInstruction
from app.money.ledger import rules as ledger_rules
from app.money.ledger.model import Account, AccountKind, Entry, Posting, PostingKind
from app.money.payments.model import Payment, PaymentState, Refund


def clearing(payment: Payment) -> Account:
    """The ledger account for the money of a charge that lies at its gateway."""
    return Account(
        kind=AccountKind.GATEWAY_CLEARING, currency=payment.currency, gateway=payment.gateway
    )


def unapplied(payment: Payment, *, memo: str) -> Posting:
    """The posting of a charge that buys nothing: its money is owed to the payer."""
    owed = Account(
        kind=AccountKind.GUEST_REFUNDABLE, currency=payment.currency, owner_id=payment.owed_to
    )
    return Posting(
        kind=PostingKind.UNAPPLIED_CHARGE,
        source_id=payment.id,
        booking_id=payment.booking_id,
        entries=(Entry(clearing(payment), -payment.amount), Entry(owed, payment.amount)),
        memo=memo,
    )


def facts(payment: Payment) -> list[Posting]:
    """The postings of what a gateway has settled of a charge: the exchange, and its fee.

    The platform bears the fee.
    """
    fee = ledger_rules.gateway_fee(
        payment.fee or 0,
        settled_at(payment),
        source_id=payment.id,
        booking_id=payment.booking_id,
        memo="fee of a charge",
    )
    exchange = [_exchange(payment, payment.settled)] if payment.settled else []
    return [*exchange, fee] if payment.fee else exchange


def corrections(payment: Payment, *, was: Payment) -> list[Posting]:
    """The postings of what the gateway has changed after we had posted it: fee, and exchange."""
    postings: list[Posting] = []
    if payment.settled and was.settled is None:
        postings.append(_exchange(payment, payment.settled))
    elif payment.settled and was.settled and payment.settled != was.settled:
        postings.append(_exchange_correction(payment, was=was.settled))
    if payment.fee != was.fee:
        postings.append(_fee_correction(payment, was=was.fee or 0))
    return postings


def _fee_correction(payment: Payment, *, was: int) -> Posting:
    clearing_, change = settled_at(payment), (payment.fee or 0) - was
    fees = Account(AccountKind.GATEWAY_FEES, clearing_.currency, gateway=payment.gateway)
    return Posting(
        kind=PostingKind.FEE_CORRECTION,
        source_id=derived(payment.id, f"fee correction {payment.fee_corrections}"),
        booking_id=payment.booking_id,
        entries=(Entry(fees, -change), Entry(clearing_, change)),
        memo="fee of a charge",
    )


def _exchange_correction(payment: Payment, *, was: Money) -> Posting:
    """In one currency, or from one to another."""
    now = payment.settled or was
    before = Account(AccountKind.GATEWAY_CLEARING, was.currency, gateway=payment.gateway)
    return Posting(
        kind=PostingKind.EXCHANGE,
        source_id=derived(payment.id, f"exchange correction {payment.fee_corrections}"),
        booking_id=payment.booking_id,
        entries=(
            Entry(before, was.amount),
            Entry(Account(AccountKind.EXCHANGE, was.currency), -was.amount),
            Entry(Account(AccountKind.EXCHANGE, now.currency), now.amount),
            Entry(settled_at(payment), -now.amount),
        ),
        memo=f"settled as {now}, and not as {was}",
    )


def fee_of(payment: Payment) -> int:
    """What the gateway has taken for a charge, in the charge's own currency; 0 if not known yet.

    In minor units. Where it has exchanged the money, at the charge's own rate, rounded down.
    """
    fee = payment.fee or 0
    if payment.settled_amount and payment.settled_currency != payment.currency:
        return fee * payment.amount // payment.settled_amount
    return fee


def settled_at(payment: Payment) -> Account:
    """The ledger account for what the gateway has made of a charge: in the balance's currency."""
    return Account(
        kind=AccountKind.GATEWAY_CLEARING,
        currency=payment.settled_currency or payment.currency,
        gateway=payment.gateway,
    )


def in_settlement(payment: Payment, money: Money) -> Money | None:
    """An amount of a charge in the currency that its gateway has settled, at the charge's own rate.

    Rounded down to what the gateway pays, so that all parts of a charge are never more than was
    settled. None if the money was not exchanged: the one rule for transfers of what a gateway has
    exchanged.
    """
    settled = payment.settled
    if settled is None:
        return None
    steps = amounts_of(payment.gateway, Operation.TRANSFER, settled.currency)
    amount = steps.in_steps(money.amount * settled.amount // payment.amount)
    return Money(amount=amount, currency=settled.currency)


def _exchange(payment: Payment, settled: Money) -> Posting:
    return Posting(
        kind=PostingKind.EXCHANGE,
        source_id=payment.id,
        booking_id=payment.booking_id,
        entries=(
            Entry(clearing(payment), payment.amount),
            Entry(Account(AccountKind.EXCHANGE, payment.currency), -payment.amount),
            Entry(Account(AccountKind.EXCHANGE, settled.currency), settled.amount),
            Entry(settled_at(payment), -settled.amount),
        ),
        memo=f"settled as {settled}",
    )


def differences(payment: Payment, found: FoundCharge, *, live: bool) -> Set[str]:
    """In what the gateway's record of a charge differs from ours."""
    pairs = {
        "reference": payment.asked_as == found.reference,
        "amount": payment.amount == found.money.amount,
        "currency": payment.currency == found.money.currency,
        "mode": live == found.live,
    }
    return {name for name, same in pairs.items() if not same}


def is_unrecorded_money(payment: Payment, found: FoundCharge) -> bool:
    """Whether money came for a charge that was not known to be paid."""
    is_paid = found.status is ChargeStatus.SUCCEEDED and found.money.amount > 0
    return is_paid and payment.state is not PaymentState.SUCCEEDED


def per_charge(refunds: Sequence[Refund]) -> dict[UUID, int]:
    """How much is to be given back of each charge."""
    amounts: defaultdict[UUID, int] = defaultdict(int)
    for refund in refunds:
        amounts[refund.payment_id] += refund.amount
    return dict(amounts)


def instruction(refund: Refund, payment: Payment) -> NewInstruction:
    """The instruction that sends a refund, through the gateway that took the charge."""
    return NewInstruction(
        id=uuid_utils.compat.uuid7(),
        kind=InstructionKind.REFUND,
        booking_id=refund.booking_id or payment.booking_id,
        payment_id=payment.id,
        source_id=refund.source_id,
        payee_id=payment.payer_id,
        gateway=payment.gateway,
        target=payment.reference,
        amount=refund.amount,
        currency=payment.currency,
        reason=refund.reason,
        automatic=refund.automatic,
    )


def is_stranded(payment: Payment, gateway: GatewayName, down: Set[GatewayName]) -> bool:
    """Whether a charge has no page to be paid at, and its gateway is down while another is not."""
    is_unpayable = payment.state is PaymentState.CREATED and not payment.calling
    return is_unpayable and payment.gateway in down and payment.gateway is not gateway
