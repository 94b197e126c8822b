"""What the ledger says when an instruction has moved money, or its money has come back."""

from typing import Final

from app.money.instructions.model import Instruction, InstructionKind
from app.money.ledger import rules as ledger_rules
from app.money.ledger.model import Account, AccountKind, Entry, Posting, PostingKind

_KINDS: Final = {
    InstructionKind.REFUND: PostingKind.REFUND,
    InstructionKind.TRANSFER: PostingKind.TRANSFER,
}
_RETURNS: Final = {
    InstructionKind.REFUND: PostingKind.REFUND_REVERSAL,
    InstructionKind.TRANSFER: PostingKind.TRANSFER_REVERSAL,
}


def confirmed(instruction: Instruction, *, fee: int) -> list[Posting]:
    """Money has left: it is no longer owed to the payee, and the gateway has its fee."""
    clearing = _clearing(instruction)
    out = Posting(
        kind=_KINDS[instruction.kind],
        source_id=instruction.id,
        booking_id=instruction.booking_id,
        entries=(
            Entry(_owed(instruction), -instruction.amount),
            Entry(clearing, instruction.amount),
        ),
        memo=_memo(instruction),
    )
    if not fee:
        return [out]
    return [out, kept(instruction, fee=fee)]


def kept(instruction: Instruction, *, fee: int) -> Posting:
    """The gateway has its fee, which it keeps even if the money comes back."""
    return ledger_rules.gateway_fee(
        fee,
        _clearing(instruction),
        source_id=instruction.id,
        booking_id=instruction.booking_id,
        memo=f"fee of a {instruction.kind}",
    )


def reversed_(instruction: Instruction) -> Posting:
    """Money that had left is back: it is owed to the payee again."""
    return Posting(
        kind=_RETURNS[instruction.kind],
        source_id=instruction.id,
        booking_id=instruction.booking_id,
        entries=(
            Entry(_clearing(instruction), -instruction.amount),
            Entry(_owed(instruction), instruction.amount),
        ),
        memo=instruction.failure or "",
    )


def _memo(instruction: Instruction) -> str:
    if instruction.sent_as is None:
        return instruction.reason
    return f"{instruction.reason}, in one transfer with others: {instruction.sent_as}"


def _owed(instruction: Instruction) -> Account:
    is_refund = instruction.kind is InstructionKind.REFUND
    return Account(
        kind=AccountKind.GUEST_REFUNDABLE if is_refund else AccountKind.HOST_PAYABLE,
        currency=instruction.currency,
        owner_id=instruction.payee_id,
    )


def _clearing(instruction: Instruction) -> Account:
    return Account(
        kind=AccountKind.GATEWAY_CLEARING,
        currency=instruction.currency,
        gateway=instruction.gateway,
    )
