"""Attempts to send an instruction: what each is called, how long it lasts, when the next is due."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.edge.gateways.port import FoundInstruction
from app.foundation.ids import derived
from app.foundation.money import Money
from app.money.instructions.model import Instruction, InstructionKind, NewInstruction, Origin

ATTEMPTS_MAX: Final = 5
# If the last attempt was not refused: the gateway, or the way to it, did not work.
ATTEMPTS_MAX_IN_OUTAGES: Final = 8

# Longer than any call lasts: an attempt that is still `sending` after it has lost its sender, and
# its outcome is unknown. A sender that was only held up sends nothing after it: see `send_before`.
SENDING_FOR: Final = timedelta(minutes=1)

# A request that the gateway does not know after this long will not reach it any more: far longer
# than it may be sent, and than the longest call lasts (Settings.gateway_timeout_seconds).
ARRIVED_BY: Final = timedelta(minutes=5)

# What a gateway has done is in all of its lists by then.
LISTED_BY: Final = timedelta(seconds=5)

LOOK_AFTER: Final = timedelta(seconds=3)  # an attempt whose outcome is unknown, for the first time
LOOK_AGAIN_AFTER: Final = timedelta(minutes=1)  # while it still is
ASK_AGAIN_AFTER: Final = timedelta(minutes=15)  # what was sent ends by webhook, or by asking
RETRY_AFTER: Final = timedelta(hours=1)  # what a gateway has refused
RETRY_SOON_AFTER: Final = timedelta(seconds=5)  # what a gateway was not able to do
RETRY_FACTOR: Final = 4
# What went under the reference of another one is never looked up itself. Its next look is so far
# ahead because a worker of an earlier release would look it up; after that it shows up as late.
LED_FOR: Final = timedelta(days=1)

# What is too small to go alone is looked at whenever something goes to its payee. After this wait
# it is looked at in any case.
WAIT_FOR_MINIMUM: Final = timedelta(days=1)
# The job that sends it is queued at once; this is for a job that was lost.
QUEUED_FOR: Final = timedelta(minutes=2)

# Kinds of alert about an attempt that is under way: the end of the attempt resolves them.
ALERTS: Final = ("instruction_needs_attention", "instruction_vanished", "instruction_mismatch")

_POTS: Final = ("rental", "deposit")  # what a charge fills: see escrow
_FROM_BALANCE: Final = " from balance"
PARTS_MAX: Final = 8  # of a booking, when it is made: see market
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]{32}")
_PREFIXES: Final = {InstructionKind.REFUND: "rf", InstructionKind.TRANSFER: "tr"}


def reference(instruction: Instruction, attempt: int) -> str:
    """What an attempt is called at the gateway: never used twice, and never for another attempt.

    The same source has the same references again in a database that was restored: what a gateway
    did since the backup is found there, and not done twice. Lower-case letters, digits and hyphens,
    37 or 38 characters: within what Paystack takes.
    """
    key = instruction.key or instruction.id
    return f"{_PREFIXES[instruction.kind]}-{key.hex}-{attempt}"


def key_of(new: NewInstruction) -> UUID:
    """What the references of a new instruction are made of: it follows from its source."""
    return derived(new.source_id, f"{new.kind}{_FROM_BALANCE if new.from_balance else ''}")


def is_of_pot(reference: str, pot_id: UUID) -> bool:
    """Whether a reference names an attempt to pay out a pot: the charge's money, or our balance's.

    Not one that took the place of such a transfer.
    """
    kind = InstructionKind.TRANSFER
    keys = (derived(pot_id, kind), derived(pot_id, f"{kind}{_FROM_BALANCE}"))
    return key_in(reference, kind) in keys


def references_of_payouts(payment_id: UUID) -> list[str]:
    """What the attempts to pay out a charge's pots would be called, whether there were any.

    Those of the first part of its booking come first, then those that later parts would have had.
    What goes from our balance goes beside one of these.
    """
    names = [*_POTS, *(f"{kind} {part}" for part in range(2, PARTS_MAX + 1) for kind in _POTS)]
    keys = [derived(derived(payment_id, name), InstructionKind.TRANSFER) for name in names]
    prefix = _PREFIXES[InstructionKind.TRANSFER]
    numbers = range(1, ATTEMPTS_MAX + 1)
    return [f"{prefix}-{key.hex}-{number}" for key in keys for number in numbers]


def key_in(reference: str, kind: InstructionKind) -> UUID | None:
    """The key of the instruction that this reference names an attempt of; None if not ours."""
    prefix, _, rest = reference.partition("-")
    hexadecimal, _, attempt = rest.partition("-")
    is_ours = _HEXADECIMAL.fullmatch(hexadecimal) and attempt.isdecimal()
    return UUID(hexadecimal) if prefix == _PREFIXES[kind] and is_ours else None


def next_look(instruction: Instruction, by: timedelta | None) -> timedelta | None:
    """After how long to look at an instruction that is out, if its leader is due after `by`."""
    return LED_FOR if by and instruction.is_led else by


def in_our_currency(instruction: Instruction, amount: int) -> int:
    """An amount of what was sent, in minor units of what was instructed, in proportion."""
    settled = instruction.settled
    if settled is None or not settled.amount or instruction.kind is InstructionKind.REFUND:
        return amount
    return amount * instruction.amount // settled.amount


def sent_money(instruction: Instruction) -> Money:
    """What the gateway was asked to pay out: of a transfer in the currency that was settled."""
    is_transfer = instruction.kind is InstructionKind.TRANSFER
    return (instruction.settled if is_transfer else None) or instruction.money


def retry_after(attempt: int, *, was_outage: bool) -> timedelta | None:
    """How long after a failed attempt the next one is due; None after the last one.

    `was_outage`: nobody has refused it; the gateway, or the way to it, did not work. Then the next
    one comes in seconds, and after longer and longer waits if that goes on.
    """
    if not was_outage:
        return RETRY_AFTER if attempt < ATTEMPTS_MAX else None
    if attempt >= ATTEMPTS_MAX_IN_OUTAGES:
        return None
    return min(RETRY_SOON_AFTER * RETRY_FACTOR ** (attempt - 1), RETRY_AFTER)


def sent_together(party: Sequence[Instruction]) -> Money:
    """What the gateway was asked to pay out in one, for all of these together."""
    amounts = [sent_money(each) for each in party]
    return Money(amount=sum(each.amount for each in amounts), currency=amounts[0].currency)


def differences(party: Sequence[Instruction], found: FoundInstruction, *, live: bool) -> list[str]:
    """In what the gateway's record of an attempt differs from ours.

    `party` is the instruction that has the reference, and those that went together with it.
    """
    sent, instruction = sent_together(party), party[0]
    is_ours = instruction.origin is Origin.BERTHOLD
    pairs = {
        "reference": not is_ours or instruction.reference == found.reference,
        "amount": sent.amount == found.money.amount,
        "currency": sent.currency == found.money.currency,
        "mode": live == found.live,
    }
    return [name for name, same in pairs.items() if not same]
