"""How far refunds and transfers are, and what brings them to their end."""

from datetime import timedelta

from tests.shop import Shop


async def transfers(shop: Shop) -> list[str]:
    """Each instruction's state, and the payout account that it goes to; the oldest first."""
    return await shop.values(
        "SELECT state || ' ' || coalesce(target, 'nowhere') FROM instructions ORDER BY id"
    )


async def instructions(shop: Shop) -> list[str]:
    """Each instruction as "kind state amount", refunds first."""
    return await shop.values(
        "SELECT kind || ' ' || state || ' ' || amount FROM instructions ORDER BY kind, id"
    )


async def follow(shop: Shop, *, times: int = 2) -> None:
    """Do what is queued and ask about what is under way, until the gateway has ended it all."""
    for _ in range(times):
        await shop.run_jobs()
        await shop.forward(timedelta(minutes=16))
        await shop.sweep("resolve-unknown")
    await shop.run_jobs()
