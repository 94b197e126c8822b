"""states.md: every state machine as a diagram, drawn from the tables of moves in the code."""

from collections.abc import Mapping, Set
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from app.edge.webhooks import model as webhooks_model
from app.flows.chargebacks import model as chargebacks_model
from app.foundation import alerts
from app.market.bookings import model as bookings_model
from app.market.disputes import model as disputes_model
from app.money.escrow import model as escrow_model
from app.money.instructions import model as instructions_model
from app.money.payees import model as payees_model
from app.money.payments import model as payments_model

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
        moves=bookings_model.MOVES,
        states=bookings_model.BookingState,
        begins=(bookings_model.BookingState.HELD,),
    ),
    Machine(
        title="Charge",
        room="app/money/payments",
        about="Money in: one attempt at one gateway. A success may come after `failed` or "
        "`abandoned`.",
        moves=payments_model.MOVES,
        states=payments_model.PaymentState,
        begins=(payments_model.PaymentState.CREATED,),
    ),
    Machine(
        title="Pot",
        room="app/money/escrow",
        about="Money of one booking held in escrow: the rental or the deposit.",
        moves=escrow_model.MOVES,
        states=escrow_model.PotState,
        begins=(escrow_model.PotState.HELD,),
    ),
    Machine(
        title="Instruction",
        room="app/money/instructions",
        about="Money out: a refund or a transfer. `unknown` ends only when the gateway is asked.",
        moves=instructions_model.MOVES,
        states=instructions_model.InstructionState,
        begins=(
            instructions_model.InstructionState.QUEUED,
            instructions_model.InstructionState.WAITING_FOR_PAYEE,
        ),
    ),
    Machine(
        title="Payout account",
        room="app/money/payees",
        about="Where a host's transfers are sent.",
        moves=payees_model.MOVES,
        states=payees_model.PayoutAccountState,
        begins=(payees_model.PayoutAccountState.PENDING,),
    ),
    Machine(
        title="Dispute",
        room="app/market/disputes",
        about="A guest's dispute of a rental or a host's damage report against a deposit.",
        moves=disputes_model.MOVES,
        states=disputes_model.DisputeState,
        begins=(disputes_model.DisputeState.OPEN,),
    ),
    Machine(
        title="Chargeback",
        room="app/flows/chargebacks",
        about="The card network's dispute of a charge: won or lost by us.",
        moves=chargebacks_model.MOVES,
        states=chargebacks_model.ChargebackState,
        begins=(chargebacks_model.ChargebackState.OPEN,),
    ),
    Machine(
        title="Webhook event",
        room="app/edge/webhooks",
        about="What a gateway reported. An operator may have any event looked at again.",
        moves=webhooks_model.MOVES,
        states=webhooks_model.EventState,
        begins=(webhooks_model.EventState.RECEIVED,),
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
