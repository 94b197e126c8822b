"""What a chargeback means for the ledger."""

from app.flows.chargebacks.model import Case, Chargeback, Recovery
from app.flows.chargebacks.rules.bearers import borne_by_hosts
from app.foundation.money import Money
from app.money.escrow import rules as escrow_rules
from app.money.instructions.model import (
    Instruction,
)
from app.money.ledger import rules as ledger_rules
from app.money.ledger.model import Account, AccountKind, Entry, Posting, PostingKind
from app.money.payments.model import Payment


def taken(chargeback: Chargeback, payment: Payment) -> Posting:
    """The gateway has taken the money of a chargeback: for now it is our loss."""
    return _between(
        PostingKind.CHARGEBACK,
        chargeback,
        payment,
        amount=chargeback.amount,
        settled=chargeback.settled,
    )


def given_back(chargeback: Chargeback, payment: Payment) -> Posting:
    """The gateway has given the money of a chargeback back."""
    return _between(
        PostingKind.CHARGEBACK_REVERSAL,
        chargeback,
        payment,
        amount=-chargeback.amount,
        settled=_back(chargeback),
    )


def _back(chargeback: Chargeback) -> Money | None:
    """What came back into a balance in another currency, below zero; by default what was taken."""
    taken, back = chargeback.settled, chargeback.settled_back
    if taken is None:
        return None
    return Money(amount=-(taken.amount if back is None else back), currency=taken.currency)


def fee(chargeback: Chargeback, payment: Payment, amount: int) -> Posting:
    """What the gateway charges for a chargeback is the platform's cost, won or lost."""
    return ledger_rules.gateway_fee(
        amount,
        _clearing(chargeback, payment),
        source_id=chargeback.id,
        booking_id=chargeback.booking_id,
        memo="fee of a chargeback",
    )


def recovered(chargeback: Chargeback, case: Case, recovery: Recovery) -> Posting | None:
    """Who bears a lost chargeback instead of us; None if nobody does."""
    guest = Account(
        AccountKind.GUEST_REFUNDABLE, chargeback.currency, owner_id=case.payment.payer_id
    )
    borne = [
        *((escrow_rules.account(pot), recovery.pots.get(pot.id, 0)) for pot in case.pots),
        (guest, recovery.from_refunds),
        *(
            (Account(AccountKind.HOST_PAYABLE, chargeback.currency, owner_id=host_id), amount)
            for host_id, amount in borne_by_hosts(case, recovery).items()
        ),
    ]
    entries = tuple(Entry(account, -amount) for account, amount in borne if amount)
    if not entries:
        return None
    return Posting(
        kind=PostingKind.CHARGEBACK_RECOVERY,
        source_id=chargeback.id,
        booking_id=chargeback.booking_id,
        entries=(*entries, Entry(_losses(chargeback), chargeback.amount - recovery.loss)),
        memo=chargeback.reason,
    )


def refund_kept(refund: Instruction, amount: int) -> Posting:
    """So much of a refund that came back makes up for what banks have taken."""
    guest = Account(AccountKind.GUEST_REFUNDABLE, refund.currency, owner_id=refund.payee_id)
    losses = Account(AccountKind.CHARGEBACK_LOSSES, refund.currency)
    return Posting(
        kind=PostingKind.REFUND_KEPT,
        source_id=refund.id,
        booking_id=refund.booking_id,
        entries=(Entry(guest, -amount), Entry(losses, amount)),
        memo=refund.failure or refund.reason,
    )


def _between(
    kind: PostingKind,
    chargeback: Chargeback,
    payment: Payment,
    *,
    amount: int,
    settled: Money | None,
) -> Posting:
    """Between our losses and the gateway: if it exchanges it, so much is `settled` there."""
    at_gateway = _clearing(chargeback, payment)
    if settled is None:
        entries = (Entry(at_gateway, amount),)
    else:
        entries = (
            Entry(Account(AccountKind.EXCHANGE, chargeback.currency), amount),
            Entry(Account(AccountKind.EXCHANGE, settled.currency), -settled.amount),
            Entry(at_gateway, settled.amount),
        )
    return Posting(
        kind=kind,
        source_id=chargeback.id,
        booking_id=chargeback.booking_id,
        entries=(Entry(_losses(chargeback), -amount), *entries),
        memo=chargeback.reason,
    )


def _clearing(chargeback: Chargeback, payment: Payment) -> Account:
    currency = chargeback.settled_currency or payment.currency
    return Account(AccountKind.GATEWAY_CLEARING, currency, gateway=payment.gateway)


def _losses(chargeback: Chargeback) -> Account:
    return Account(kind=AccountKind.CHARGEBACK_LOSSES, currency=chargeback.currency)
