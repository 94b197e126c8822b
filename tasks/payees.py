"""Payout accounts: a gateway is asked again while it has not decided about one."""

from app.money.payees import stories


async def resolve_payout_accounts(limit: int) -> int:
    """Ask gateways about the payout accounts that are due; returns how many were."""
    return await stories.ask_due(limit)
