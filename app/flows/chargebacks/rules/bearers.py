"""Who bears a lost chargeback, in which order; and what takes the place of what was cut."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import uuid_utils.compat
from msgspec import structs

from app.edge.gateways.amounts import ANY, AmountRule, Operation
from app.edge.gateways.registry import amounts_of
from app.flows.chargebacks.model import Case, Chargeback, Cut, Got, Recovery
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
