"""What a queued transfer waits for, and until when: kept back, and shown to its host."""

from datetime import timedelta

import pytest

from app.foundation.db import execute, transaction
from tests.laws import audit_is_clean
from tests.money.escrow.pots import release_fares
from tests.money.instructions.progress import follow, instructions
from tests.money.payees.payout_accounts import add_account
from tests.money.payouts.host_views import EMPTY, balance
from tests.shop import Shop

SHARE = 450_000
DAY = timedelta(days=1)


async def held(shop: Shop, waits_for: str, *, until: timedelta | None) -> None:
    """A transfer that is queued, and that somebody has kept back."""
    await add_account(shop)
    await release_fares(shop, "1A")
    async with transaction() as tx:
        await execute(
            tx,
            """
            UPDATE instructions
               SET waits_for = %(waits_for)s, not_before = business_now() + %(until)s,
                   next_try_at = business_now() + coalesce(%(until)s, interval '2 minutes')""",
            waits_for=waits_for,
            until=until,
        )


async def test_a_transfer_that_is_held_goes_out_when_the_hold_ends(shop: Shop) -> None:
    await held(shop, "hold", until=DAY)
    await follow(shop)
    (seen,) = (await shop.get(shop.host, "/api/host/transfers"))["transfers"]
    assert (seen["state"], seen["waitsFor"]) == ("queued", "hold")
    assert seen["explanation"].startswith("It is held until ")
    assert seen["notBefore"] is not None
    assert await balance(shop) == EMPTY | {"owed": SHARE, "held": SHARE}
    (asked,) = (await shop.get(shop.admin, "/api/admin/transfers"))["instructions"]
    assert (asked["waitsFor"], asked["notBefore"]) == ("hold", seen["notBefore"])
    await audit_is_clean()
    await shop.forward(DAY)
    await shop.sweep("resolve-unknown")
    await follow(shop)
    assert await instructions(shop) == [f"transfer confirmed {SHARE}"]
    await audit_is_clean()


@pytest.mark.parametrize("waits_for", ["name", "approval"])
async def test_a_transfer_that_waits_for_a_person_is_not_sent_however_long(
    shop: Shop, waits_for: str
) -> None:
    await held(shop, waits_for, until=None)
    for _ in range(2):
        await shop.forward(DAY)
        assert await shop.sweep("resolve-unknown") == 0
        await follow(shop)
    assert await instructions(shop) == [f"transfer queued {SHARE}"]
    assert await shop.sandbox.transfers() == []
    assert await balance(shop) == EMPTY | {"owed": SHARE, "held": SHARE}
    await audit_is_clean()
