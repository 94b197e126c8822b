"""What a host sees of the money that is owed."""

from tests.shop import Shop

EMPTY = {
    "owed": 0, "onItsWay": 0, "waitingForAccount": 0, "waitingForMinimum": 0, "held": 0,
    "cameBack": 0, "debt": 0,
}  # fmt: skip


async def balance(shop: Shop) -> dict[str, int]:
    """The host's balance in naira, which must be what the ledger says."""
    balances = (await shop.get(shop.host, "/api/host/balance"))["balances"]
    seen = {name: money["amount"] for each in balances for name, money in each.items()} or EMPTY
    booked = await shop.count(
        """
        SELECT coalesce(sum(amount), 0)::bigint
          FROM ledger_entries JOIN ledger_accounts ON ledger_accounts.id = account_id
         WHERE kind = 'host_payable' AND owner_id = %(id)s""",
        id=shop.host.id,
    )
    assert seen["owed"] - seen["debt"] == booked
    parts = ("onItsWay", "waitingForAccount", "waitingForMinimum", "held", "cameBack")
    assert seen["owed"] == sum(seen[part] for part in parts)
    return seen
