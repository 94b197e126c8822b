"""Payout accounts: asked about again, and their numbers read again as countries change them."""

from app.foundation.db import transaction
from app.money.payees import actions as payees
from app.money.payees import stories


async def resolve_payout_accounts(limit: int) -> int:
    """Ask gateways about the payout accounts that are due; returns how many were."""
    return await stories.ask_due(limit)


async def check_wallets(limit: int) -> int:
    """Notify hosts whose wallets' numbers are not dialled any more; returns how many were read."""
    read = 0
    while True:
        async with transaction() as tx:
            batch = await payees.read_numbers(tx, limit=limit)
        read += batch
        if batch < limit:
            return read
