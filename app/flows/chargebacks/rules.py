"""Who bears a lost chargeback, in which order, and what that means for the ledger."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import uuid_utils.compat
from msgspec import structs

from app.edge.gateways.amounts import ANY, AmountRule, Operation
from app.edge.gateways.port import ChargebackStatus, FoundChargeback
from app.edge.gateways.registry import amounts_of
from app.edge.notifications.model import BookingFacts
from app.flows.chargebacks.model import Case, Chargeback, ChargebackState, Cut, Got, Recovery
from app.foundation.ids import derived
from app.foundation.money import Money
from app.market.bookings import rules as booking_rules
from app.market.bookings.model import Booking
from app.money.escrow import rules as escrow_rules
from app.money.escrow.model import Pot, PotKind
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
    got: Sequence[Got],
    owed: AmountRule = ANY,
) -> Recovery:
    """Take so much from what is really there, in this order:

    the deposits that are held, and the rentals; refunds that have not left (the guest has the money
    from the bank); transfers that have not left, but for what their host owes beyond what was got;
    and what hosts have got, which is kept back from their next payouts. The rest is our loss, and
    so is what is less than a step in which the gateway pays: what is left of a refund or transfer,
    and what a host is to owe (by the rule `owed`), are amounts that can be paid.
    """
    taken = escrow_rules.take(pots, amount)
    left = amount - sum(taken.values())
    refund_cuts = cut(refunds, left)
    left -= sum(cut.amount for cut in refund_cuts)
    transfer_cuts = cut_transfers(transfers, left, got=got)
    left -= sum(cut.amount for cut in transfer_cuts)
    debts = charge_hosts(left, got=got, owed=owed)
    return Recovery(
        pots=taken,
        from_deposit=escrow_rules.taken_of(PotKind.DEPOSIT, pots, taken),
        from_rental=escrow_rules.taken_of(PotKind.RENTAL, pots, taken),
        refunds=refund_cuts,
        transfers=transfer_cuts,
        debts=debts,
        loss=left - sum(debts.values()),
    )


def cut_transfers(
    transfers: Sequence[Instruction], amount: int, *, got: Sequence[Got]
) -> list[Cut]:
    """Take at most so much from transfers that have not left, in their order.

    But for what a host owes beyond what was got: see `Got`.
    """
    has = _by_host(got)
    spare: dict[UUID | None, int] = {}
    for transfer in transfers:
        payee = transfer.payee_id
        on_its_way = sum(each.amount for each in transfers if each.payee_id == payee)
        spare[payee] = max(on_its_way + min(has.get(payee, 0), 0), 0)
    cuts: list[Cut] = []
    for transfer in transfers:
        most = min(amount, spare[transfer.payee_id])
        for taken in cut([transfer], most):
            cuts.append(taken)
            amount -= taken.amount
            spare[transfer.payee_id] -= taken.amount
    return cuts


def charge_hosts(amount: int, *, got: Sequence[Got], owed: AmountRule) -> dict[UUID, int]:
    """What hosts come to owe of an amount, by the parts that they got it for, in their order.

    A host bears at most what that host has got in all; what is owed is payable by the rule `owed`.
    """
    has, debts = _by_host(got), dict[UUID, int]()
    for each in got:
        most = min(amount, max(each.amount, 0), max(has[each.host_id], 0))
        if debt := owed.in_steps(most):
            debts[each.part_id] = debt
            amount -= debt
            has[each.host_id] -= debt
    return debts


def _by_host(got: Sequence[Got]) -> dict[UUID | None, int]:
    has: dict[UUID | None, int] = {}
    for each in got:
        has[each.host_id] = has.get(each.host_id, 0) + each.amount
    return has


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


def successor(was: Instruction, *, amount: int, targets: Mapping[UUID, str]) -> NewInstruction:
    """The instruction that takes the place of one that came back, or was cut.

    A refund goes the way of its charge; a transfer to its host's account in `targets`, or it waits
    for one. What somebody else began, and what failed, is not ours to send: an admin must approve
    the rest.
    """
    is_refund = was.kind is InstructionKind.REFUND
    new = succession.successor(
        was,
        instruction_id=uuid_utils.compat.uuid7(),
        amount=amount,
        target=was.target if is_refund else targets.get(was.known_payee_id),
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


def borne_by_hosts(case: Case, recovery: Recovery) -> dict[UUID, int]:
    """What each host bears of a lost chargeback, of transfers and as a debt. Minor units."""
    debts = {case.part(part_id).host_id: 0 for part_id in recovery.debts}
    for part_id, debt in recovery.debts.items():
        debts[case.part(part_id).host_id] += debt
    return {
        host_id: amount
        for host_id in case.host_ids
        if (amount := of_host(recovery.transfers, host_id) + debts.get(host_id, 0))
    }


def of_host(cuts: Sequence[Cut], host_id: UUID) -> int:
    """How much of what is cut was on its way to a host. Minor units."""
    return sum(cut.amount for cut in cuts if cut.instruction.payee_id == host_id)


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


def concerned(case: Case, chargeback: Chargeback) -> dict[UUID, int]:
    """The parts that a chargeback is about, and of how much of what was paid for each it is.

    Minor units; none of a charge that bought nothing.
    """
    paid: dict[UUID, int] = {}
    for part in case.parts:
        if amount := sum(pot.amount for pot in case.pots if pot.booking_id == part.id):
            paid[part.id] = min(amount, chargeback.amount)
    return paid


def named_hosts(case: Case, chargeback: Chargeback, recovery: Recovery) -> dict[str, Any]:
    """What the audit log keeps of who bears a lost one, where a booking has several hosts."""
    if len(case.host_ids) == 1:
        return {}
    borne = borne_by_hosts(case, recovery)
    return {
        "hosts": {
            str(host_id): Money(amount=amount, currency=chargeback.currency)
            for host_id, amount in borne.items()
        }
    }


def notice_id(chargeback: Chargeback, part: Booking) -> UUID:
    """What a notification of a chargeback is about: a host of several parts gets one for each."""
    return derived(chargeback.id, str(part.id)) if part.part_of else chargeback.id


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
