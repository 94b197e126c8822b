"""A paid trip at each gateway, whose money somebody moves at the gateway without us."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.edge.gateways.lists import Span
from app.edge.gateways.port import GatewayName
from app.flows.mending.stories import reconcile
from tests.laws import audit_is_clean
from tests.money.payees.payout_accounts import account_at_stripe
from tests.sandbox.webhooks import all_delivered
from tests.shop import Shop
from tests.stories.clearing import agree_on_clearing
from tests.stories.trips import trip_at

CURRENCIES: Final = {
    GatewayName.STRIPE: "EUR",
    GatewayName.PAYSTACK: "NGN",
    GatewayName.FLUTTERWAVE: "UGX",
}


async def paid_trip(
    shop: Shop, gateway: GatewayName, *, days_ahead: int = 30
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A trip that was paid through this gateway, and its payment."""
    booking = await trip_at(shop, gateway, days_ahead=days_ahead)
    payment = await shop.paid(booking)
    assert payment["gateway"] == gateway
    return booking, payment


async def paid_out(shop: Shop) -> dict[str, Any]:
    """A trip at Stripe whose host was paid; Stripe's row of the transfer."""
    booking, _ = await paid_trip(shop, GatewayName.STRIPE)
    await account_at_stripe(shop)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=3))
    await shop.sweep("release-escrow")
    await settle_down(shop)
    [transfer] = await shop.sandbox.transfers()
    return transfer


async def settle_down(shop: Shop) -> None:
    """Let webhooks arrive, and do what they and time ask for."""
    for _ in range(3):
        await all_delivered(shop.sandbox)
        await shop.run_jobs()
        await shop.forward(timedelta(minutes=2))
        await shop.sweep("resolve-unknown")
        await shop.sweep("ask-for-facts")
        await shop.run_jobs()


def today() -> Span:
    """What the gateways' lists are compared for: now, by their clock, and some hours around it."""
    now = datetime.now(UTC)
    return Span(since=now - timedelta(hours=6), until=now + timedelta(hours=6))


async def reconciled(shop: Shop, gateway: GatewayName) -> list[str]:
    """What is left unexplained after a gateway's lists were compared, mended, compared again.

    Tests move business time, and not that of the gateways, whose lists are of today.
    """
    span = today()
    for _ in range(2):
        await reconcile(gateway, span)
        await settle_down(shop)
    await reconcile(gateway, span)
    return await shop.values(
        """
        SELECT concat_ws(' ', gateway, what, kind, subject) FROM differences
         WHERE closed_at IS NULL AND explained_at IS NULL ORDER BY 1"""
    )


async def books_agree(shop: Shop, gateway: GatewayName) -> None:
    """Assert that gateway, books and laws agree, to the cent."""
    await agree_on_clearing(shop, gateway, CURRENCIES[gateway])
    await audit_is_clean()


async def paid_by_hand(
    shop: Shop, gateway: GatewayName, amount: int, *, recipient: str = ""
) -> dict[str, Any]:
    """Somebody pays a host at the dashboard, and names no charge; the money arrives.

    It is the one host who has an account, if no recipient is given.
    """
    if not recipient:
        [recipient] = await shop.values("SELECT recipient FROM payout_accounts")
    made = await shop.sandbox.act(
        "transfers",
        gateway=gateway,
        amount=amount,
        currency=CURRENCIES[gateway],
        recipient=recipient,
    )
    await shop.sandbox.end_transfer(made["id"])
    return made
