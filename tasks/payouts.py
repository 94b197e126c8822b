"""Payout accounts of which the gateway has said nothing clear yet."""

from app.payouts import stories


async def resolve_payout_accounts(limit: int) -> int:
    """Tell gateways again of pending accounts; returns of how many."""
    return await stories.tell_due(limit)
