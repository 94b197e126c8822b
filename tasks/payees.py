"""Payout accounts of which the gateway has not said its last word."""

from app.money.payees import stories


async def resolve_payout_accounts(limit: int) -> int:
    """Ask gateways again about accounts that are due; returns about how many."""
    return await stories.ask_due(limit)
