"""When an instruction is looked at again, when it is given up, and what its attempts are called."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.edge.gateways.port import FoundInstruction
from app.foundation.audit import Change, Subject
from app.foundation.money import Money
from app.money.instructions.model import (
    Instruction,
    InstructionKind,
    InstructionState,
    NewInstruction,
)
from app.money.ledger import rules as ledger_rules
from app.money.ledger.model import Account, AccountKind, Entry, Posting, PostingKind

ATTEMPTS_MAX: Final = 5

# Longer than any call lasts: after it, whoever was sending is dead, and the outcome unknown. Should
# it come alive again, it sends nothing: see `send_before`.
SENDING_FOR: Final = timedelta(minutes=1)

# A request that the gateway does not know of after this long will not reach it any more: longer by
# far than it may be sent, and than the longest call lasts (Settings.gateway_timeout_seconds).
ARRIVED_BY: Final = timedelta(minutes=5)

LOOK_AGAIN_AFTER: Final = timedelta(minutes=1)  # while an outcome is unknown
ASK_AGAIN_AFTER: Final = timedelta(minutes=15)  # what was sent ends by webhook, or by asking
RETRY_AFTER: Final = timedelta(hours=1)
QUEUED_FOR: Final = timedelta(minutes=2)  # the job comes at once; this is for when it is lost

# Alerts about an attempt that is under way: its end clears them.
WORRIES: Final = ("instruction_needs_attention", "instruction_vanished", "instruction_mismatch")

_KINDS: Final = {
    InstructionKind.REFUND: PostingKind.REFUND,
    InstructionKind.TRANSFER: PostingKind.TRANSFER,
}
_RETURNS: Final = {
    InstructionKind.REFUND: PostingKind.REFUND_REVERSAL,
    InstructionKind.TRANSFER: PostingKind.TRANSFER_REVERSAL,
}
_ENDS: Final = {
    InstructionState.CONFIRMED: "confirm",
    InstructionState.FAILED: "fail",
    InstructionState.REVERSED: "reverse",
}
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]{32}")
_PREFIXES: Final = {InstructionKind.REFUND: "rf", InstructionKind.TRANSFER: "tr"}


def reference(kind: InstructionKind, instruction_id: UUID, attempt: int) -> str:
    """What an attempt is called at the gateway: never used twice, and never for another attempt.

    Lower-case letters, digits and hyphens, 37 or 38 characters: within what Paystack takes.
    """
    return f"{_PREFIXES[kind]}-{instruction_id.hex}-{attempt}"


def told_of(reference: str, kind: InstructionKind) -> UUID | None:
    """The id of the instruction that has, or had, an attempt of this name; None for others."""
    prefix, _, rest = reference.partition("-")
    hexadecimal, _, attempt = rest.partition("-")
    is_ours = _HEXADECIMAL.fullmatch(hexadecimal) and attempt.isdecimal()
    return UUID(hexadecimal) if prefix == _PREFIXES[kind] and is_ours else None


def differences(instruction: Instruction, found: FoundInstruction, *, live: bool) -> list[str]:
    """What the gateway has of an attempt that is not as we have it."""
    pairs = {
        "reference": instruction.reference == found.reference,
        "amount": instruction.amount == found.money.amount,
        "currency": instruction.currency == found.money.currency,
        "mode": live == found.live,
    }
    return [name for name, same in pairs.items() if not same]


def changes(new: Sequence[NewInstruction]) -> list[Change]:
    """What the audit log keeps of new instructions."""
    return [
        Change(
            subject=Subject(instruction.kind, instruction.id),
            after={
                "bookingId": instruction.booking_id,
                "payeeId": instruction.payee_id,
                "amount": Money(amount=instruction.amount, currency=instruction.currency),
                "reason": instruction.reason,
            },
        )
        for instruction in new
    ]


def end(was: Instruction, moved: Instruction) -> tuple[str, Change] | None:
    """How the audit log tells of an attempt that has ended; None for other moves."""
    if moved.state not in _ENDS:
        return None
    change = Change(
        subject=Subject(moved.kind, moved.id),
        before={"state": was.state},
        after={
            "state": moved.state,
            "amount": moved.money,
            "attempt": moved.attempt,
            "reference": moved.reference,
        },
    )
    return f"{_ENDS[moved.state]}_{moved.kind}", change


def successor(
    was: Instruction, *, instruction_id: UUID, amount: int, target: str | None, automatic: bool
) -> NewInstruction:
    """What takes the place of an instruction that came back or was cancelled."""
    return NewInstruction(
        id=instruction_id,
        kind=was.kind,
        booking_id=was.booking_id,
        payment_id=was.payment_id,
        source_id=was.id,
        payee_id=was.payee_id,
        gateway=was.gateway,
        target=target,
        amount=amount,
        currency=was.currency,
        reason=was.reason,
        automatic=automatic,
    )


def postings_of(confirmed: Instruction, *, fee: int) -> list[Posting]:
    """Money has left: nobody owes it to the payee any more, and the gateway has its fee."""
    kind = _KINDS[confirmed.kind]
    clearing = _clearing(confirmed)
    out = Posting(
        kind=kind,
        source_id=confirmed.id,
        booking_id=confirmed.booking_id,
        entries=(
            Entry(_owed(confirmed), -confirmed.amount),
            Entry(clearing, confirmed.amount),
        ),
        memo=confirmed.reason,
    )
    if not fee:
        return [out]
    kept = ledger_rules.gateway_fee(
        fee,
        clearing,
        source_id=confirmed.id,
        booking_id=confirmed.booking_id,
        memo=f"fee of a {confirmed.kind}",
    )
    return [out, kept]


def return_of(reversed_: Instruction) -> Posting:
    """Money that had left is back: it is owed to the payee again."""
    return Posting(
        kind=_RETURNS[reversed_.kind],
        source_id=reversed_.id,
        booking_id=reversed_.booking_id,
        entries=(
            Entry(_clearing(reversed_), -reversed_.amount),
            Entry(_owed(reversed_), reversed_.amount),
        ),
        memo=reversed_.failure or "",
    )


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
