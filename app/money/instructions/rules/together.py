"""Which transfers are too small to be sent alone, and which of them go together."""

from collections.abc import Sequence
from typing import Final

from app.edge.gateways.amounts import AmountRule, Operation
from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import amounts_of
from app.money.instructions.model import (
    Beside,
    Companions,
    Instruction,
    InstructionKind,
    InstructionState,
    NewInstruction,
    WaitsFor,
)

SHARES_MAX: Final = 100  # in one transfer


def amounts(instruction: Instruction | NewInstruction) -> AmountRule:
    """The amounts that the gateway of an instruction pays."""
    operation = Operation(instruction.kind)
    return amounts_of(instruction.gateway, operation, instruction.currency)


def waits_for(instruction: Instruction | NewInstruction) -> WaitsFor | None:
    """What an instruction waits for that is queued: others, if it is too small to go alone."""
    is_transfer = instruction.kind is InstructionKind.TRANSFER
    is_small = instruction.amount < amounts(instruction).least
    return WaitsFor.MINIMUM if is_transfer and is_small else None


def waits_from(was: Instruction, to: InstructionState) -> WaitsFor | None:
    """What an instruction waits for that is moved to another state."""
    match to:
        case InstructionState.WAITING_FOR_PAYEE:
            return WaitsFor.PAYEE
        case InstructionState.QUEUED:
            return waits_for(was) or (WaitsFor.HOLD if was.not_before else None)
        case _:
            return None


def choose(first: Instruction, others: Sequence[Instruction]) -> list[Instruction]:
    """The transfers that go as one with the first, in the order of ids; it alone if none does.

    Empty if all of them are less than the gateway sends at once. They are never more than it sends.
    """
    rule, chosen, total = amounts(first), [first], first.amount
    for other in others[: SHARES_MAX - 1]:
        if total + other.amount <= rule.most:
            chosen.append(other)
            total += other.amount
    return sorted(chosen, key=lambda each: each.id) if total >= rule.least else []


def led(party: Sequence[Instruction]) -> list[Instruction]:
    """Transfers that went together, the one whose reference the gateway knows first."""
    return sorted(party, key=lambda each: (each.is_led, each.id))


def beside(found: Companions) -> Beside:
    """What people see beside an instruction."""
    least = _least(found.gateway, found.currency)
    missing = None if found.waiting is None else max(least - found.waiting, 0)
    return Beside(together=found.together, missing=missing)


def _least(gateway: GatewayName, currency: str) -> int:
    return amounts_of(gateway, Operation.TRANSFER, currency).least
