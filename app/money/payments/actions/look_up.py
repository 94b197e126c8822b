"""Look up: which charges to ask their gateways about, and what to say if there is no answer."""

from datetime import timedelta
from typing import Final

import structlog

from app.foundation.db import Tx
from app.foundation.queue import SettlePayment, enqueue, enqueue_all
from app.money.payments.model import (
    GatewayUnclear,
)
from app.money.payments.queries import charges

# Longer than the job of a look-up is tried again after failures.
_ASKING_FOR: Final = timedelta(hours=1)
LOOK_AGAIN_IN: Final = timedelta(hours=1)
# A guest can pay for as long as the gateway's page is open, and its webhook may be lost.
_LOOK_FOR: Final = timedelta(days=7)
_log = structlog.get_logger(__name__)
RETRY_SOON_S: Final = 3


async def ask_about(tx: Tx, reference: str) -> None:
    """Queue a look-up of an unpaid charge at its gateway.

    Anybody can call this, as often as they like; so a charge has one look-up at a time, and a
    pause after each.
    """
    if payment_id := await charges.begin_asking(tx, reference, _ASKING_FOR):
        await enqueue(tx, SettlePayment(payment_id=payment_id))


async def ask_about_unpaid(tx: Tx, *, limit: int) -> int:
    """Queue look-ups of charges that may have been paid unnoticed; returns how many.

    Failed and abandoned ones too: a guest who has the gateway's page open can still pay, and the
    webhook about that may be lost.
    """
    payment_ids = await charges.look_up_due(
        tx, look_again_in=LOOK_AGAIN_IN, look_for=_LOOK_FOR, limit=limit
    )
    await enqueue_all(tx, [SettlePayment(payment_id=payment_id) for payment_id in payment_ids])
    return len(payment_ids)


def inconclusive(reason: str) -> GatewayUnclear:
    """The problem to raise when a gateway's answer leaves an outcome unknown. Logs the reason."""
    _log.warning("gateway answer inconclusive", reason=reason)
    return GatewayUnclear(
        "The gateway gave no clear answer. Nothing is lost: ask again with the same "
        "Idempotency-Key, and this payment goes on from where it is.",
        retry_after_s=RETRY_SOON_S,
    )
