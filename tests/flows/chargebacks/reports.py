"""What a gateway may report of chargebacks; and where all money is then."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from app.edge.gateways.port import ChargebackStatus, FoundChargeback
from app.flows.chargebacks import actions as chargebacks
from app.flows.chargebacks.model import Chargeback
from app.foundation.db import transaction
from app.foundation.money import Money
from tests.laws import take_audit
from tests.money.ledger.books import balances
from tests.shop import Shop

OPEN, WON, LOST = ChargebackStatus.OPEN, ChargebackStatus.WON, ChargebackStatus.LOST
RENTAL_WINDOW: Final = timedelta(hours=1, seconds=1)
DEPOSIT_WINDOW: Final = timedelta(hours=2, seconds=1)
# Work that waits because of a chargeback is not left lying. (Mails and webhooks are, in a test.)
PATIENT: Final = {"requests_end", "pots_are_released", "instructions_move"}


def found(payment: dict[str, Any], status: ChargebackStatus, **otherwise: Any) -> FoundChargeback:
    """A chargeback of all of a charge, which its gateway takes when it opens."""
    facts: dict[str, Any] = {
        "gateway_id": "cb_1",
        "amount": payment["amount"]["amount"],
        "currency": payment["amount"]["currency"],
        "is_taken": status is not WON,
        "fee": None,
        "reason": "fraudulent",
        "evidence_due_at": datetime(2030, 1, 1, tzinfo=UTC),
        "live": False,
    }
    facts |= otherwise
    money = Money(amount=facts.pop("amount"), currency=facts.pop("currency"))
    return FoundChargeback(
        charge_reference=payment["reference"], status=status, money=money, data={}, **facts
    )


async def report(
    payment: dict[str, Any], status: ChargebackStatus, **otherwise: Any
) -> Chargeback | None:
    """Post that a gateway reports this of the charge."""
    async with transaction() as tx:
        reported = found(payment, status, **otherwise)
        return await chargebacks.post(tx, UUID(payment["id"]), reported, live=False)


async def paid_stay(shop: Shop, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A stay of two nights in three days, and its payment."""
    booking = await shop.sleep_over(**more)
    return booking, await shop.paid(booking)


def parts(booking: dict[str, Any]) -> tuple[int, int]:
    """What is in the pots of a booking: rental and fee, and deposit."""
    price = {name: money["amount"] for name, money in booking["price"].items()}
    return price["rental"] + price["fee"], price["deposit"]


async def owed(shop: Shop) -> dict[str, int]:
    """All balances, but what is at the gateway."""
    kept = await balances()
    kept.pop("gateway_clearing", None)
    kept.pop("gateway_fees", None)
    return kept


async def recovered(shop: Shop) -> dict[str, int]:
    """Where the last chargeback was recovered from."""
    [last, *_] = (await shop.get(shop.admin, "/api/admin/chargebacks"))["chargebacks"]
    return {
        name: money["amount"]
        for name, money in (last["recovered"] or {}).items()
        if money["amount"]
    }


async def state(shop: Shop) -> str:
    """The state of the last chargeback."""
    [last, *_] = (await shop.get(shop.admin, "/api/admin/chargebacks"))["chargebacks"]
    return str(last["state"])


async def books_are_right() -> None:
    """Assert that no law is broken, nor does anything wait that should not."""
    taken = await take_audit()
    broken = [
        f"{finding.law.name}: {row.id} {row.what}"
        for finding in taken.findings
        if finding.law.severity == "critical" or finding.law.name in PATIENT
        for row in finding.verdict.shown
    ]
    assert not broken, "\n".join(broken)


async def released(shop: Shop) -> tuple[dict[str, Any], dict[str, Any]]:
    """A stay whose rental is to be paid to the host, and its payment."""
    booking, payment = await paid_stay(shop)
    await shop.forward_to(booking["checkInAt"], past=RENTAL_WINDOW)
    assert await shop.sweep("release-escrow") == 1
    return booking, payment
