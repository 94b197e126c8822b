"""What admins do with refunds and transfers, and two transfers that went wrong."""

from datetime import timedelta
from typing import Any

from tests.money.escrow.pots import released
from tests.money.instructions.progress import follow
from tests.money.payees.payout_accounts import add
from tests.shop import Shop

TRANSFERS = "/api/admin/transfers"
REFUNDS = "/api/admin/refunds"
BECAUSE = {"reason": "The bank says that it is open again"}


async def the_one(shop: Shop, path: str = TRANSFERS) -> dict[str, Any]:
    (found,) = (await shop.get(shop.admin, path))["instructions"]
    return await shop.get(shop.admin, f"{path}/{found['id']}")


def states(story: dict[str, Any]) -> list[str]:
    return [move["state"] for move in story["history"]]


async def do(shop: Shop, verb: str, story: dict[str, Any], path: str = TRANSFERS) -> Any:
    body = None if verb == "look-up" else BECAUSE
    return await shop.post(shop.admin, f"{path}/{story['instruction']['id']}/{verb}", body)


async def alerts(shop: Shop) -> list[str]:
    return await shop.values("SELECT kind || ' ' || state FROM alerts ORDER BY id")


async def given_up(shop: Shop) -> dict[str, Any]:
    """A transfer that the gateway has refused five times."""
    await add(shop)
    await shop.values("UPDATE payout_accounts SET recipient = 'RCP_gone' RETURNING id::text")
    await released(shop, "1A")
    await shop.run_jobs()
    for _ in range(6):
        await shop.forward(timedelta(hours=1, seconds=1))
        await shop.sweep("retry-failed-transfers")
        await shop.run_jobs()
    return await the_one(shop)


async def came_back(shop: Shop) -> dict[str, Any]:
    """A transfer that was confirmed and then reversed."""
    await add(shop)
    await released(shop, "1A")
    await follow(shop)
    (sent,) = await shop.sandbox.transfers()
    await shop.sandbox.end_transfer(sent["reference"], "reverse")
    assert states(await the_one(shop))[-1] == "confirmed"
    assert (await do(shop, "look-up", await the_one(shop))).status_code == 200
    return await the_one(shop)
