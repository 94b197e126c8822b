"""What hosts see of their money: transfers in words, and where it is."""

from datetime import timedelta
from typing import Any

from tests.money.escrow.pots import release_fares
from tests.money.payees.payout_accounts import add_account
from tests.money.payouts.host_views import EMPTY, balance
from tests.shop import Shop


async def transfer(shop: Shop) -> dict[str, Any]:
    (transfer,) = (await shop.get(shop.host, "/api/host/transfers"))["transfers"]
    return transfer


async def test_a_transfer_is_followed_from_waiting_to_arrived(shop: Shop) -> None:
    assert await balance(shop) == EMPTY
    await release_fares(shop, "1A")
    waiting = await transfer(shop)
    assert (waiting["state"], waiting["amount"]) == (
        "waiting_for_payee",
        {"amount": 450_000, "currency": "NGN"},
    )
    assert waiting["explanation"] == (
        "Add a payout account for NGN at Paystack, or give it what yours is missing, and it goes "
        "out by itself."
    )
    assert await balance(shop) == EMPTY | {"owed": 450_000, "waitingForAccount": 450_000}
    await shop.sandbox.set_pace(None)
    await add_account(shop)
    await shop.run_jobs()
    assert (await transfer(shop))["state"] == "sent"
    assert await balance(shop) == EMPTY | {"owed": 450_000, "onItsWay": 450_000}
    (sent,) = await shop.sandbox.transfers()
    await shop.sandbox.end_transfer(sent["reference"])
    await shop.forward(timedelta(minutes=16))
    await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    arrived = await transfer(shop)
    assert (arrived["state"], arrived["explanation"]) == ("confirmed", None)
    assert arrived["confirmedAt"] is not None
    assert await balance(shop) == EMPTY


async def test_what_came_back_is_owed_again(shop: Shop) -> None:
    await add_account(shop)
    await shop.sandbox.fault("transfer", "reverse")
    await release_fares(shop, "1A")
    for _ in range(2):
        await shop.run_jobs()
        await shop.forward(timedelta(minutes=16))
        await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    seen = await transfer(shop)
    assert seen["state"] == "reversed"
    assert seen["explanation"].startswith("It came back: Returned by the recipient's bank.")
    assert await balance(shop) == EMPTY | {"owed": 450_000, "cameBack": 450_000}


async def test_a_failure_is_told_in_words(shop: Shop) -> None:
    await add_account(shop)
    await shop.sandbox.fault("transfer", "fail")
    await release_fares(shop, "1A")
    await shop.run_jobs()
    await shop.forward(timedelta(minutes=16))
    await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    seen = await transfer(shop)
    assert seen["state"] == "failed"
    assert seen["explanation"] == (
        "It failed: Could not process: the account is closed. It is tried again by itself."
    )
    assert (await balance(shop))["onItsWay"] == 450_000


async def test_transfers_come_in_pages_and_by_state(shop: Shop) -> None:
    await release_fares(shop, "1A", "1B", "1C")
    path = "/api/host/transfers"
    first = await shop.get(shop.host, path, limit=2)
    rest = await shop.get(shop.host, path, limit=2, cursor=first["nextCursor"])
    ids = [each["id"] for each in first["transfers"] + rest["transfers"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 3
    assert (await shop.get(shop.host, path, state="confirmed"))["transfers"] == []
    assert len((await shop.get(shop.host, path, state="waiting_for_payee"))["transfers"]) == 3
