"""states.md: every state machine as a diagram, drawn from the tables of moves in the code."""

from collections.abc import Mapping, Set
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from app.edge.webhooks import model as webhooks
from app.flows.chargebacks import model as chargebacks
from app.foundation import alerts
from app.market.bookings import model as bookings
from app.market.disputes import model as disputes
from app.money.escrow import model as escrow
from app.money.instructions import model as instructions
from app.money.payees import model as payees
from app.money.payments import model as payments

FILE: Final = Path(__file__).resolve().parent.parent.parent / "states.md"

_HEADER: Final = """\
# State machines

Not for editing: `uv run python -m app.development.schema` writes this file from the tables named
`MOVES` in the rooms' `model.py`, and a test compares the two. Every row of these tables moves by
compare-and-set; a move that is not drawn here is refused by the code and, in the machines that keep
a history, by a CHECK on it.
"""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A state machine: its table of moves, and the states that a new row may begin in."""

    title: str
    room: str
    about: str
    moves: Mapping[Any, Set[Any]]
    states: type[StrEnum]
    begins: tuple[StrEnum, ...]


MACHINES: Final = (
    Machine(
        title="Booking",
        room="app/market/bookings",
        about="One guest's purchase of units for slots.",
        moves=bookings.MOVES,
        states=bookings.BookingState,
        begins=(bookings.BookingState.HELD,),
    ),
    Machine(
        title="Charge",
        room="app/money/payments",
        about="Money in: one attempt at one gateway. A success may come after `failed` or "
        "`abandoned`.",
        moves=payments.MOVES,
        states=payments.PaymentState,
        begins=(payments.PaymentState.CREATED,),
    ),
    Machine(
        title="Pot",
        room="app/money/escrow",
        about="Money of one booking held in escrow: the rental or the deposit.",
        moves=escrow.MOVES,
        states=escrow.PotState,
        begins=(escrow.PotState.HELD,),
    ),
    Machine(
        title="Instruction",
        room="app/money/instructions",
        about="Money out: a refund or a transfer. `unknown` ends only when the gateway is asked.",
        moves=instructions.MOVES,
        states=instructions.InstructionState,
        begins=(
            instructions.InstructionState.QUEUED,
            instructions.InstructionState.WAITING_FOR_PAYEE,
        ),
    ),
    Machine(
        title="Payout account",
        room="app/money/payees",
        about="Where a host's transfers are sent.",
        moves=payees.MOVES,
        states=payees.PayoutAccountState,
        begins=(payees.PayoutAccountState.PENDING,),
    ),
    Machine(
        title="Dispute",
        room="app/market/disputes",
        about="A guest's dispute of a rental or a host's damage report against a deposit.",
        moves=disputes.MOVES,
        states=disputes.DisputeState,
        begins=(disputes.DisputeState.OPEN,),
    ),
    Machine(
        title="Chargeback",
        room="app/flows/chargebacks",
        about="The card network's dispute of a charge: won or lost by us.",
        moves=chargebacks.MOVES,
        states=chargebacks.ChargebackState,
        begins=(chargebacks.ChargebackState.OPEN,),
    ),
    Machine(
        title="Webhook event",
        room="app/edge/webhooks",
        about="What a gateway reported. An operator may have any event looked at again.",
        moves=webhooks.MOVES,
        states=webhooks.EventState,
        begins=(webhooks.EventState.RECEIVED,),
    ),
    Machine(
        title="Alert",
        room="app/foundation/alerts.py",
        about="Something that an operator must look at.",
        moves=alerts.MOVES,
        states=alerts.AlertState,
        begins=(alerts.AlertState.OPEN,),
    ),
)


def draw() -> str:
    """All machines as one page of Markdown, the same text for the same moves."""
    return "\n".join((_HEADER, *(_section(machine) for machine in MACHINES)))


def _section(machine: Machine) -> str:
    """A heading, a sentence and a Mermaid diagram, states in the order of their enum."""
    arrows = [f"[*] --> {state}" for state in machine.begins]
    for was in machine.states:
        targets = machine.moves[was]
        arrows += [f"{was} --> {to}" for to in machine.states if to in targets]
        if not targets:
            arrows.append(f"{was} --> [*]")
    diagram = "\n".join(f"    {arrow}" for arrow in arrows)
    return (
        f"## {machine.title}\n\n{machine.about}\nIn `{machine.room}`.\n\n"
        f"```mermaid\nstateDiagram-v2\n{diagram}\n```\n"
    )
