"""What admins do with refunds and transfers, and two transfers that went wrong."""

from datetime import timedelta
from typing import Any

from tests.money.escrow.pots import release_fares
from tests.money.instructions.progress import follow
from tests.money.payees.payout_accounts import add_account
from tests.shop import Shop

TRANSFERS = "/api/admin/transfers"
REFUNDS = "/api/admin/refunds"
BECAUSE = {"reason": "The bank says that it is open again"}


async def only_instruction(shop: Shop, path: str = TRANSFERS) -> dict[str, Any]:
    """The only refund or transfer that there is, as an admin sees it."""
    (found,) = (await shop.get(shop.admin, path))["instructions"]
    return await shop.get(shop.admin, f"{path}/{found['id']}")


def states(story: dict[str, Any]) -> list[str]:
    return [move["state"] for move in story["history"]]


async def act(shop: Shop, verb: str, story: dict[str, Any], path: str = TRANSFERS) -> Any:
    body = None if verb == "look-up" else BECAUSE
    return await shop.post(shop.admin, f"{path}/{story['instruction']['id']}/{verb}", body)


async def alerts(shop: Shop) -> list[str]:
    return await shop.values("SELECT kind || ' ' || state FROM alerts ORDER BY id")


async def given_up_transfer(shop: Shop) -> dict[str, Any]:
    """A transfer that the gateway has refused five times."""
    await add_account(shop)
    await shop.values("UPDATE payout_accounts SET recipient = 'RCP_gone' RETURNING id::text")
    await release_fares(shop, "1A")
    await shop.run_jobs()
    for _ in range(6):
        await shop.forward(timedelta(hours=1, seconds=1))
        await shop.sweep("retry-failed-transfers")
        await shop.run_jobs()
    return await only_instruction(shop)


async def returned_transfer(shop: Shop) -> dict[str, Any]:
    """A transfer that was confirmed and then reversed."""
    await add_account(shop)
    await release_fares(shop, "1A")
    await follow(shop)
    (sent,) = await shop.sandbox.transfers()
    await shop.sandbox.end_transfer(sent["reference"], "reverse")
    assert states(await only_instruction(shop))[-1] == "confirmed"
    assert (await act(shop, "look-up", await only_instruction(shop))).status_code == 200
    return await only_instruction(shop)
