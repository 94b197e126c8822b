"""Instructions that take the place of others: money that came back is sent again."""

from uuid import UUID

from app.money.instructions.model import Instruction, NewInstruction


def successor(
    was: Instruction, *, instruction_id: UUID, amount: int, target: str | None, automatic: bool
) -> NewInstruction:
    """The instruction that takes the place of one that came back or was cancelled."""
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
        from_balance=was.from_balance,
    )
