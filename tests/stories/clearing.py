"""What is left at a gateway, by our books and by its own."""

from tests.shop import Shop


async def agree_on_clearing(shop: Shop, gateway: str, currency: str, *, topped_up: int = 0) -> None:
    """Assert that the ledger has as much at the gateway as the gateway says."""
    ours = await shop.count(
        """
        SELECT -coalesce(sum(amount), 0)::bigint FROM ledger_entries
          JOIN ledger_accounts ON ledger_accounts.id = account_id
         WHERE kind = 'gateway_clearing' AND gateway = %(gateway)s""",
        gateway=gateway,
    )
    theirs = (await shop.sandbox.books(gateway))[currency]["balance"] - topped_up
    assert ours == theirs, f"{ours} here, {theirs} there"
