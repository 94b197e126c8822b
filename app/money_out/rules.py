"""What sends money again, and what a refund past the payout means for the ledger."""

from uuid import UUID

from app.instructions.model import Instruction, NewInstruction


def again(came_back: Instruction, *, instruction_id: UUID, target: str | None) -> NewInstruction:
    """The instruction that sends again what had come back."""
    return NewInstruction(
        id=instruction_id,
        kind=came_back.kind,
        booking_id=came_back.booking_id,
        payment_id=came_back.payment_id,
        source_id=came_back.id,
        payee_id=came_back.payee_id,
        gateway=came_back.gateway,
        target=target,
        amount=came_back.amount,
        currency=came_back.currency,
        reason=came_back.reason,
    )
