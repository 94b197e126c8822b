"""What the ledger says when an instruction has moved money, or its money has come back."""

from typing import Final

from app.foundation.ids import derived
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
    out = Posting(
        kind=_KINDS[instruction.kind],
        source_id=instruction.id,
        booking_id=instruction.booking_id,
        entries=(
            Entry(_owed(instruction), -instruction.amount),
            *_left(instruction, instruction.amount, settled=_settled(instruction)),
        ),
        memo=_memo(instruction),
    )
    return [out, fee_of(instruction, fee)] if fee else [out]


def fee_of(instruction: Instruction, fee: int) -> Posting:
    """The gateway's fee for a refund or transfer, in minor units of what it took it from."""
    return ledger_rules.gateway_fee(
        fee,
        _clearing(instruction),
        source_id=instruction.id,
        booking_id=instruction.booking_id,
        memo=f"fee of a {instruction.kind}",
    )


def fee_correction(instruction: Instruction, *, was: int) -> Posting:
    """The posting of a fee that the gateway has changed after we had posted it."""
    clearing, change = _clearing(instruction), (instruction.fee or 0) - was
    fees = Account(AccountKind.GATEWAY_FEES, clearing.currency, gateway=instruction.gateway)
    return Posting(
        kind=PostingKind.FEE_CORRECTION,
        source_id=derived(instruction.id, f"fee correction {instruction.fee_corrections}"),
        booking_id=instruction.booking_id,
        entries=(Entry(fees, -change), Entry(clearing, change)),
        memo=f"fee of a {instruction.kind}",
    )


def reversed_(instruction: Instruction) -> Posting:
    """Money that had left is back: it is owed to the payee again, as far as it was not before."""
    amount = instruction.amount - instruction.returned
    settled = _settled(instruction) - instruction.settled_returned
    return Posting(
        kind=_RETURNS[instruction.kind],
        source_id=instruction.id,
        booking_id=instruction.booking_id,
        entries=(
            *_left(instruction, -amount, settled=-settled),
            Entry(_owed(instruction), amount),
        ),
        memo=instruction.failure or "",
    )


def _memo(instruction: Instruction) -> str:
    if instruction.sent_as is None:
        return instruction.reason
    return f"{instruction.reason}, in one transfer with others: {instruction.sent_as}"


def partly_reversed(was: Instruction, now: Instruction) -> Posting:
    """So much more of a transfer is back: it is owed to the payee again.

    Of what a gateway exchanges it may be less than a minor unit in the currency that is owed.
    """
    amount = now.returned - was.returned
    back = f"{now.settled_returned} {now.settled_currency}" if now.settled else f"{now.returned}"
    owed = (Entry(_owed(now), amount),) if amount else ()
    return Posting(
        kind=PostingKind.PARTIAL_REVERSAL,
        source_id=derived(now.id, f"{back} came back"),
        booking_id=now.booking_id,
        entries=(
            *_left(now, -amount, settled=was.settled_returned - now.settled_returned),
            *owed,
        ),
        memo=f"{now.reference}: a part was reversed at the gateway",
    )


def _left(instruction: Instruction, amount: int, *, settled: int) -> tuple[Entry, ...]:
    """The entries of what has left the gateway; below zero of what came back.

    If the gateway exchanges it, it takes `settled` from the balance for it.
    """
    clearing = _clearing(instruction)
    if instruction.settled is None:
        return (Entry(clearing, amount),)
    entries = (
        Entry(Account(AccountKind.EXCHANGE, instruction.currency), amount),
        Entry(Account(AccountKind.EXCHANGE, clearing.currency), -settled),
        Entry(clearing, settled),
    )
    return tuple(entry for entry in entries if entry.amount)


def _settled(instruction: Instruction) -> int:
    return instruction.settled.amount if instruction.settled else 0


def _owed(instruction: Instruction) -> Account:
    is_refund = instruction.kind is InstructionKind.REFUND
    return Account(
        kind=AccountKind.GUEST_REFUNDABLE if is_refund else AccountKind.HOST_PAYABLE,
        currency=instruction.currency,
        owner_id=instruction.owed_to,
    )


def _clearing(instruction: Instruction) -> Account:
    return Account(
        kind=AccountKind.GATEWAY_CLEARING,
        currency=instruction.settled_currency or instruction.currency,
        gateway=instruction.gateway,
    )
