"""What at a gateway is strange to us, and the alert about what was taken in of it."""

from collections.abc import Sequence
from typing import Final

from app.edge.gateways.port import FoundInstruction
from app.flows.movements import rules
from app.foundation.alerts import Severity, raise_alert
from app.foundation.db import Tx
from app.money.instructions import actions as instructions
from app.money.instructions.model import InstructionKind
from app.money.payments.model import Payment
from app.money.reconciliation import actions as reconciliation
from app.money.reconciliation.model import What
from app.money.taken_in.model import TakenIn

_TAKEN_IN: Final = "taken_in"  # the kind of alert; its subject is the id of what was taken in


async def strange(
    tx: Tx, kind: InstructionKind, found: Sequence[FoundInstruction], payment: Payment
) -> list[FoundInstruction]:
    """Of these refunds or transfers of a charge, those that moved money and that we did not begin.

    But for those that an admin has posted by hand, to explain a difference.
    """
    unknown = rules.moved(
        await instructions.unknown_here(tx, kind, found, payment_ids=[payment.id])
    )
    by_hand = await reconciliation.posted_by_hand(
        tx, payment.gateway, What(kind), [each.gateway_id for each in unknown]
    )
    return [each for each in unknown if each.gateway_id not in by_hand]


async def alert(tx: Tx, taken: TakenIn) -> None:
    """Alert operators: critical if the platform bears a part until somebody decides."""
    await raise_alert(
        tx,
        kind=_TAKEN_IN,
        severity=Severity.CRITICAL if taken.loss else Severity.WARNING,
        subject=str(taken.id),
        details=rules.alert(taken),
    )
