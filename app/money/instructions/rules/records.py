"""What the audit log keeps of instructions."""

from collections.abc import Sequence
from typing import Final

from app.foundation.audit import Change, Subject
from app.foundation.money import Money
from app.money.instructions.model import Instruction, InstructionState, NewInstruction

_ENDS: Final = {
    InstructionState.CONFIRMED: "confirm",
    InstructionState.FAILED: "fail",
    InstructionState.REVERSED: "reverse",
}


def queued(new: Sequence[NewInstruction]) -> list[Change]:
    """The records of new instructions."""
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


def ended(was: Instruction, moved: Instruction) -> tuple[str, Change] | None:
    """The action and the record of an attempt that has ended; None for other moves."""
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
