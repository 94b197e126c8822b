"""What is left at a gateway, by our books and by its own."""

from tests.shop import Shop


async def agree_on_clearing(shop: Shop, gateway: str, currency: str) -> None:
    """Assert that the ledger has as much at the gateway as the gateway says."""
    ours = await shop.count(
        """
        SELECT -coalesce(sum(amount), 0)::bigint FROM ledger_entries
          JOIN ledger_accounts ON ledger_accounts.id = account_id
         WHERE kind = 'gateway_clearing' AND gateway = %(gateway)s""",
        gateway=gateway,
    )
    assert ours == (await shop.sandbox.books(gateway))[currency]["balance"]
