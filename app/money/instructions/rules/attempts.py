"""Attempts to send an instruction: what each is called, how long it lasts, when the next is due."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.edge.gateways.port import FoundInstruction
from app.money.instructions.model import Instruction, InstructionKind

ATTEMPTS_MAX: Final = 5

# Longer than any call lasts: an attempt that is still `sending` after it has lost its sender, and
# its outcome is unknown. A sender that was only held up sends nothing after it: see `send_before`.
SENDING_FOR: Final = timedelta(minutes=1)

# A request that the gateway does not know after this long will not reach it any more: far longer
# than it may be sent, and than the longest call lasts (Settings.gateway_timeout_seconds).
ARRIVED_BY: Final = timedelta(minutes=5)

LOOK_AGAIN_AFTER: Final = timedelta(minutes=1)  # while an outcome is unknown
ASK_AGAIN_AFTER: Final = timedelta(minutes=15)  # what was sent ends by webhook, or by asking
RETRY_AFTER: Final = timedelta(hours=1)
# Those that go under another one's reference are never looked up themselves; after this long they
# would show up as late. So far ahead, since a worker of an earlier release would look them up.
LED_FOR: Final = timedelta(days=1)

# What is too small to go alone is looked at whenever something goes to its payee; this is for what
# was missed, or has become enough since.
WAIT_FOR_MINIMUM: Final = timedelta(days=1)
QUEUED_FOR: Final = timedelta(
    minutes=2
)  # its job is queued at once; this is for a job that is lost

# Kinds of alert about an attempt that is under way: the end of the attempt resolves them.
ALERTS: Final = ("instruction_needs_attention", "instruction_vanished", "instruction_mismatch")

_HEXADECIMAL: Final = re.compile(r"[0-9a-f]{32}")
_PREFIXES: Final = {InstructionKind.REFUND: "rf", InstructionKind.TRANSFER: "tr"}


def reference(kind: InstructionKind, instruction_id: UUID, attempt: int) -> str:
    """What an attempt is called at the gateway: never used twice, and never for another attempt.

    Lower-case letters, digits and hyphens, 37 or 38 characters: within what Paystack takes.
    """
    return f"{_PREFIXES[kind]}-{instruction_id.hex}-{attempt}"


def instruction_of(reference: str, kind: InstructionKind) -> UUID | None:
    """The id of the instruction that this reference names an attempt of; None if it names none."""
    prefix, _, rest = reference.partition("-")
    hexadecimal, _, attempt = rest.partition("-")
    is_ours = _HEXADECIMAL.fullmatch(hexadecimal) and attempt.isdecimal()
    return UUID(hexadecimal) if prefix == _PREFIXES[kind] and is_ours else None


def next_look(instruction: Instruction, by: timedelta | None) -> timedelta | None:
    """When an instruction that is out is looked at again, if its leader is after `by`."""
    return LED_FOR if by and instruction.is_led else by


def differences(party: Sequence[Instruction], found: FoundInstruction, *, live: bool) -> list[str]:
    """In what the gateway's record of an attempt differs from ours.

    `party` is the instruction that has the reference, and those that went together with it.
    """
    instruction = party[0]
    pairs = {
        "reference": instruction.reference == found.reference,
        "amount": sum(each.amount for each in party) == found.money.amount,
        "currency": instruction.currency == found.money.currency,
        "mode": live == found.live,
    }
    return [name for name, same in pairs.items() if not same]
