"""Who bears a lost chargeback, in which order, and what that means for the ledger."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import uuid_utils.compat
from msgspec import structs

from app.edge.gateways.amounts import ANY, AmountRule, Operation
from app.edge.gateways.port import ChargebackStatus, FoundChargeback
from app.edge.gateways.registry import amounts_of
from app.edge.notifications.model import BookingFacts
from app.flows.chargebacks.model import Case, Chargeback, ChargebackState, Cut, Recovery
from app.foundation.money import Money
from app.market.bookings import rules as booking_rules
from app.market.bookings.model import Booking
from app.money.escrow.model import Pot, PotKind
from app.money.escrow.rules import account as escrow_account
from app.money.instructions.model import (
    Instruction,
    InstructionKind,
    InstructionState,
    NewInstruction,
    Origin,
    WaitsFor,
)
from app.money.instructions.rules import succession
from app.money.ledger import rules as ledger_rules
from app.money.ledger.model import Account, AccountKind, Entry, Posting, PostingKind
from app.money.payments.model import Payment

DUE_SOON: Final = timedelta(hours=48)
LOOK_AGAIN_IN: Final = timedelta(hours=6)
_S = ChargebackState


def differences(
    payment: Payment, known: Chargeback | None, found: FoundChargeback, *, live: bool
) -> list[str]:
    """In what a report of a chargeback fits neither its charge nor what was reported before."""
    pairs = {
        "currency": found.money.currency == payment.currency,
        "amount": _may_be(found, known, most=payment.amount),
        "charge": known is None or known.payment_id == payment.id,
        "mode": found.live == live,
    }
    return [name for name, same in pairs.items() if not same]


def _may_be(found: FoundChargeback, known: Chargeback | None, *, most: int) -> bool:
    """Whether the reported amount may be right.

    Until the money is taken it may become less, since we may accept a part. Of a chargeback that is
    won any amount may be reported: it is about nothing any more.
    """
    amount = found.money.amount
    if known is None:
        return 0 < amount <= most
    if known.is_taken:
        return amount == known.amount
    return found.status is ChargebackStatus.WON or 0 < amount <= known.amount


def amount(known: Chargeback, found: FoundChargeback) -> int:
    """How much an open chargeback is about, as reported by now."""
    is_settled = known.is_taken or found.status is ChargebackStatus.WON
    return known.amount if is_settled else found.money.amount


def was_taken(found: FoundChargeback) -> bool:
    """Whether its money has left our balance by now, and perhaps come back.

    At two rates that costs something, so of an exchanged one both are posted.
    """
    return found.is_taken or found.returned is not None


def settled(known: Chargeback, found: FoundChargeback) -> dict[str, Any]:
    """What of an exchanged chargeback has left our balance and come back, as reported by now.

    What was posted when it was taken does not change.
    """
    taken = known.settled if known.is_taken else found.settled
    if taken is None:
        return {}
    return {
        "settled_amount": taken.amount,
        "settled_currency": taken.currency,
        "settled_back": found.returned.amount if found.returned else known.settled_back,
    }


def contradicts(known: Chargeback, status: ChargebackStatus) -> bool:
    """Whether the gateway reports another end than the chargeback has had."""
    return known.state is not _S.OPEN and known.state.value != status.value


def recover(
    amount: int,
    *,
    pots: Sequence[Pot],
    refunds: Sequence[Instruction],
    transfers: Sequence[Instruction],
    host_has: int,
    debts: AmountRule = ANY,
) -> Recovery:
    """Take so much from what is really there, in this order:

    the deposit that is held, and the rental; refunds that have not left (the guest has the money
    from the bank); transfers that have not left, but for what the host owes beyond what was got;
    and what the host has got, which is kept back from the next payouts. The rest is our loss, and
    so is what is less than a step in which the gateway pays: what is left of a refund or transfer,
    and what the host is to owe (by the rule `debts`), are amounts that can be paid.
    """
    by_kind = {pot.kind: pot for pot in pots if pot.is_undivided}
    taken: dict[UUID, int] = {}
    parts = {PotKind.DEPOSIT: 0, PotKind.RENTAL: 0}
    left = amount
    for kind in parts:
        if (pot := by_kind.get(kind)) and (part := min(left, pot.left)):
            taken[pot.id] = parts[kind] = part
            left -= part
    refund_cuts = cut(refunds, left)
    left -= sum(cut.amount for cut in refund_cuts)
    transfer_cuts = cut_transfers(transfers, left, host_has=host_has)
    left -= sum(cut.amount for cut in transfer_cuts)
    from_host = debts.in_steps(min(left, max(host_has, 0)))
    return Recovery(
        pots=taken,
        from_deposit=parts[PotKind.DEPOSIT],
        from_rental=parts[PotKind.RENTAL],
        refunds=refund_cuts,
        transfers=transfer_cuts,
        from_host=from_host,
        loss=left - from_host,
    )


def cut_transfers(transfers: Sequence[Instruction], amount: int, *, host_has: int) -> list[Cut]:
    """Take at most so much from transfers that have not left, in their order.

    But for what the host owes beyond what was got: see `Unsent.host_has`.
    """
    on_its_way = sum(transfer.amount for transfer in transfers)
    return cut(transfers, min(amount, max(on_its_way + min(host_has, 0), 0)))


def cut(instructions: Sequence[Instruction], amount: int) -> list[Cut]:
    """Take at most so much from these instructions, in their order; the rest of each can be paid.

    So a part of one is rounded down to the step in which its gateway pays.
    """
    cuts: list[Cut] = []
    for instruction in instructions:
        part = min(amount, instruction.amount)
        if part < instruction.amount:
            part = _amounts(instruction).in_steps(part)
        if part:
            cuts.append(Cut(instruction, part))
            amount -= part
    return cuts


def _amounts(instruction: Instruction) -> AmountRule:
    operation = Operation(instruction.kind)
    return amounts_of(instruction.gateway, operation, instruction.currency)


def kept(refund: Instruction, lost: Sequence[Chargeback], *, counted: int) -> list[int]:
    """How much of a refund that came back is kept, for each of the lost chargebacks of its charge.

    In all it is what the guest would have beyond the charge, from banks and us together: of what
    banks took, `counted` is within the charge. What is left of the refund is rounded down to an
    amount that its gateway can pay. What is kept makes up for the loss of each chargeback, the
    oldest first; the last one takes the rest, which the platform had given away.
    """
    beyond = min(refund.amount, sum(each.amount for each in lost) - counted)
    if beyond <= 0:
        return [0 for _ in lost]
    left = refund.amount - _amounts(refund).share(refund.amount - beyond)
    shares: list[int] = []
    for each in lost:
        shares.append(left if each is lost[-1] else min(left, max(each.loss or 0, 0)))
        left -= shares[-1]
    return shares


def successor(was: Instruction, *, amount: int, target: str | None) -> NewInstruction:
    """The instruction that takes the place of one that came back, or was cut.

    What somebody else began, and what failed, is not ours to send: an admin must approve the rest.
    """
    new = succession.successor(
        was,
        instruction_id=uuid_utils.compat.uuid7(),
        amount=amount,
        target=was.target if was.kind is InstructionKind.REFUND else target,
        automatic=was.waits_at_refund_gate,
    )
    is_ours = was.origin is Origin.BERTHOLD or was.state is not InstructionState.FAILED
    return new if is_ours else structs.replace(new, waits_for=WaitsFor.APPROVAL)


# ---- the ledger ---------------------------------------------------------------------------------


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
    guest, host = (
        Account(kind=kind, currency=chargeback.currency, owner_id=owner_id)
        for kind, owner_id in (
            (AccountKind.GUEST_REFUNDABLE, case.payment.payer_id),
            (AccountKind.HOST_PAYABLE, case.booking.host_id),
        )
    )
    parts = [
        *((escrow_account(pot), recovery.pots.get(pot.id, 0)) for pot in case.pots),
        (guest, recovery.from_refunds),
        (host, recovery.from_transfers + recovery.from_host),
    ]
    entries = tuple(Entry(account, -amount) for account, amount in parts if amount)
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


# ---- words --------------------------------------------------------------------------------------


def facts(booking: Booking, chargeback: Chargeback, money: Money) -> BookingFacts:
    """What a mail to the host says of a chargeback."""
    facts = booking_rules.facts(booking, reason=chargeback.reason)
    facts["amount"] = money
    facts.pop("respond_by", None)  # by when the host was to answer the request to book
    if chargeback.evidence_due_at:
        facts["respond_by"] = chargeback.evidence_due_at
    return facts


def alert(chargeback: Chargeback) -> dict[str, Any]:
    """What the alerts about a chargeback say."""
    due = chargeback.evidence_due_at
    return {
        "bookingId": str(chargeback.booking_id),
        "paymentId": str(chargeback.payment_id),
        "amount": str(chargeback.money),
        "gateway": chargeback.gateway,
        "gatewayId": chargeback.gateway_id,
        "reason": chargeback.reason,
        "evidenceDueAt": due.isoformat() if due else None,
    }
