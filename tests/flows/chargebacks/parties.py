"""Those who may bear a chargeback: pots, refunds and transfers that were never in a database."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from hypothesis import strategies as st

from app.edge.gateways.port import GatewayName
from app.flows.chargebacks.model import Got
from app.money.escrow.model import Pot, PotKind, PotState
from app.money.instructions.model import Instruction, InstructionKind, InstructionState

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
HOST: Final = uuid4()
SHARED: Final[dict[str, Any]] = {
    "booking_id": uuid4(),
    "payment_id": uuid4(),
    "gateway": GatewayName.PAYSTACK,
    "currency": "NGN",
    "created_at": NOW,
    "updated_at": NOW,
}
amounts = st.integers(1, 1_000)
few = st.lists(amounts, max_size=3)


def pot(kind: PotKind, amount: int, state: PotState, charged_back: int) -> Pot:
    is_undivided = state in (PotState.HELD, PotState.DISPUTED)
    share = None if is_undivided else 0
    return Pot(
        id=uuid4(),
        kind=kind,
        state=state,
        guest_id=uuid4(),
        host_id=uuid4(),
        amount=amount,
        commission_bps=0,
        opens_at=None,
        closes_at=None,
        to_guest=share,
        commission=share,
        to_host=share,
        divided_at=None,
        charged_back=min(charged_back, amount - 1),
        **SHARED,
    )


def instruction(kind: InstructionKind, amount: int) -> Instruction:
    return Instruction(
        id=uuid4(),
        kind=kind,
        state=InstructionState.QUEUED,
        source_id=uuid4(),
        payee_id=HOST,
        target="",
        amount=amount,
        reason="",
        **SHARED,
    )


def got(amount: int) -> list[Got]:
    """What the one host of a booking of one part has got for it."""
    return [Got(part_id=SHARED["booking_id"], host_id=HOST, amount=amount)]
