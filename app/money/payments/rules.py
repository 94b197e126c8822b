"""The postings of charges, and the instructions of their refunds."""

from collections import defaultdict
from collections.abc import Sequence, Set
from uuid import UUID

import uuid_utils.compat

from app.edge.gateways.port import ChargeStatus, FoundCharge, GatewayName
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
        kind=AccountKind.GUEST_REFUNDABLE, currency=payment.currency, owner_id=payment.payer_id
    )
    return Posting(
        kind=PostingKind.UNAPPLIED_CHARGE,
        source_id=payment.id,
        booking_id=payment.booking_id,
        entries=(Entry(clearing(payment), -payment.amount), Entry(owed, payment.amount)),
        memo=memo,
    )


def gateway_fee(payment: Payment, fee: int) -> Posting:
    """The posting of the gateway's fee for a charge. The platform bears it."""
    return ledger_rules.gateway_fee(
        fee,
        clearing(payment),
        source_id=payment.id,
        booking_id=payment.booking_id,
        memo="fee of a charge",
    )


def differences(payment: Payment, found: FoundCharge, *, live: bool) -> Set[str]:
    """In what the gateway's record of a charge differs from ours."""
    pairs = {
        "reference": payment.reference == found.reference,
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
        booking_id=payment.booking_id,
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
