"""A refund at the dashboard of money that is divided takes what has not left from its transfer."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.edge.gateways.port import GatewayName
from app.flows.movements import stories
from app.foundation.db import execute, transaction
from tests.flows.movements.world import books_agree, paid_trip, reconciled, settle_down
from tests.shop import Shop
from tests.stories.losses import open_account

GATEWAYS = pytest.mark.parametrize("gateway", list(GatewayName))


async def released(shop: Shop, gateway: GatewayName) -> tuple[dict[str, Any], dict[str, Any], int]:
    """A trip that is over and whose money is divided, its payment, and the host's share."""
    booking, payment = await paid_trip(shop, gateway)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=3))
    await shop.sweep("release-escrow")
    return booking, payment, await shop.count("SELECT to_host FROM pots")


async def refunded_there(shop: Shop, payment: dict[str, Any], part: int = 1) -> None:
    """Somebody refunds a charge at the dashboard: all that is left of it, or a part."""
    wire = (await shop.sandbox.charges())[0]["amount"]
    more = {} if part == 1 else {"amount": wire // part}
    await shop.sandbox.act("refunds", charge=payment["reference"], **more)
    await settle_down(shop)


async def try_all(shop: Shop) -> None:
    """Let time pass in which whatever is to be sent is sent."""
    for _ in range(3):
        await shop.forward(timedelta(hours=1, minutes=5))
        await shop.sweep("retry-failed-transfers")
        await shop.sweep("process-refunds")
        await settle_down(shop)


async def shares(shop: Shop) -> list[str]:
    return await shop.values("SELECT concat_ws(' ', from_transfers, loss) FROM taken_in")


async def transfers(shop: Shop) -> list[str]:
    return await shop.values(
        "SELECT state || ' ' || amount FROM instructions WHERE kind = 'transfer' ORDER BY id"
    )


@GATEWAYS
async def test_a_transfer_that_waits_for_an_account_is_not_sent_after_its_guest_was_refunded(
    shop: Shop, gateway: GatewayName
) -> None:
    booking, payment, host = await released(shop, gateway)
    await settle_down(shop)
    assert await transfers(shop) == [f"waiting_for_payee {host}"]
    await refunded_there(shop, payment)
    amount = payment["amount"]["amount"]
    assert await shares(shop) == [f"{host} {amount - host}"]
    assert await transfers(shop) == [f"cancelled {host}"]
    assert await shop.values("SELECT state FROM pots") == ["released"]
    assert "rental_given_back" in await shop.values("SELECT kind FROM notifications")
    await open_account(shop, gateway)
    await shop.forward(timedelta(days=4))
    await try_all(shop)
    assert await shop.sandbox.transfers() == []
    assert await reconciled(shop, gateway) == []
    await books_agree(shop, gateway)
    (seen,) = (await shop.get(shop.host, "/api/host/transfers"))["transfers"]
    assert seen["explanation"] == "It is not sent: refunded at the gateway."
    balances = (await shop.get(shop.host, "/api/host/balance"))["balances"]
    assert balances == []
    await shop.sweep("complete-bookings")
    assert await shop.state(booking) == "completed"


@GATEWAYS
async def test_a_part_refunded_of_divided_money_leaves_the_host_the_rest(
    shop: Shop, gateway: GatewayName
) -> None:
    _, payment, host = await released(shop, gateway)
    await refunded_there(shop, payment, part=5)
    part = payment["amount"]["amount"] // 5
    assert await shares(shop) == [f"{part} 0"]
    assert await transfers(shop) == [f"cancelled {host}", f"waiting_for_payee {host - part}"]
    await books_agree(shop, gateway)
    await open_account(shop, gateway)
    await shop.forward(timedelta(days=4))
    await try_all(shop)
    assert await transfers(shop) == [f"cancelled {host}", f"confirmed {host - part}"]
    assert await reconciled(shop, gateway) == []
    await books_agree(shop, gateway)


async def test_a_transfer_that_is_queued_or_has_failed_is_not_sent_either(shop: Shop) -> None:
    await open_account(shop, GatewayName.PAYSTACK)
    await settle_down(shop)
    await shop.forward(timedelta(days=4))
    _, payment, host = await released(shop, GatewayName.PAYSTACK)
    await shop.sandbox.fault("transfer", "fail", times=1)
    await settle_down(shop)
    assert (await transfers(shop))[0].startswith(("failed", "queued"))
    await refunded_there(shop, payment)
    assert await transfers(shop) == [f"cancelled {host}"]
    await shop.sandbox.clear_faults()
    await try_all(shop)
    assert {each["status"] for each in await shop.sandbox.transfers()} <= {"failed"}
    assert await reconciled(shop, GatewayName.PAYSTACK) == []
    await books_agree(shop, GatewayName.PAYSTACK)


async def test_what_came_back_of_a_transfer_is_taken_before_the_platform_bears_it(
    shop: Shop,
) -> None:
    gateway = GatewayName.STRIPE
    await open_account(shop, gateway)
    await settle_down(shop)
    await shop.forward(timedelta(days=4))
    _, payment, host = await released(shop, gateway)
    await settle_down(shop)
    [transfer] = await shop.sandbox.transfers()
    await shop.sandbox.act("reversals", transfer=transfer["reference"])
    await settle_down(shop)
    assert await transfers(shop) == [f"reversed {host}"]
    await refunded_there(shop, payment)
    assert await shares(shop) == [f"{host} {payment['amount']['amount'] - host}"]
    assert await transfers(shop) == [f"reversed {host}", f"cancelled {host}"]
    (seen, *_) = (await shop.get(shop.admin, "/api/admin/transfers", state="reversed"))[
        "instructions"
    ]
    path = f"/api/admin/transfers/{seen['id']}/reissue"
    assert (await shop.post(shop.admin, path, {"reason": "again"})).status_code == 409
    assert await reconciled(shop, gateway) == []
    await books_agree(shop, gateway)


async def test_what_has_left_stays_the_loss_of_the_platform(shop: Shop) -> None:
    gateway = GatewayName.STRIPE
    await open_account(shop, gateway)
    await settle_down(shop)
    await shop.forward(timedelta(days=4))
    _, payment, host = await released(shop, gateway)
    await settle_down(shop)
    assert await transfers(shop) == [f"confirmed {host}"]
    await refunded_there(shop, payment)
    assert await shares(shop) == [f"0 {payment['amount']['amount']}"]
    await books_agree(shop, gateway)


@pytest.mark.parametrize("end", ["failed", "sent"])
async def test_the_end_of_a_transfer_that_is_being_sent_decides(shop: Shop, end: str) -> None:
    gateway = GatewayName.PAYSTACK
    _, payment, host = await released(shop, gateway)
    async with transaction() as tx:  # as if its call were under way at this moment
        await execute(
            tx,
            """
            UPDATE instructions SET state = 'unknown', target = 'RCP_x', attempt = 1,
                   reference = 'tr-' || replace(id::text, '-', '') || '-1', waits_for = NULL,
                   next_try_at = business_now() + interval '1 year'""",
        )
    await shop.sandbox.act("refunds", charge=payment["reference"])
    assert await stories.take_in_refunds(UUID(payment["id"])) == 0
    assert await shares(shop) == []
    waiting = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'take-in-refunds'"
    assert await shop.count(f"{waiting} AND status = 'todo'") == 1, "it is looked at again"
    async with transaction() as tx:
        await execute(tx, "UPDATE instructions SET state = %(end)s", end=end)
    assert await stories.take_in_refunds(UUID(payment["id"])) == 1
    amount = payment["amount"]["amount"]
    taken = [f"{host} {amount - host}"] if end == "failed" else [f"0 {amount}"]
    assert await shares(shop) == taken


async def test_what_is_taken_from_a_transfer_is_a_refund_in_the_months_of_its_host(
    shop: Shop,
) -> None:
    _, payment, host = await released(shop, GatewayName.PAYSTACK)
    await refunded_there(shop, payment)
    await shop.forward(timedelta(days=31))
    assert await shop.sweep("calculate-settlements") == 1
    months = (await shop.get(shop.host, "/api/host/settlements"))["settlements"]
    assert sum(month["refunds"]["amount"] for month in months) == host
    assert sum(month["other"]["amount"] for month in months) == 0
    assert months[0]["balance"]["amount"] == 0
