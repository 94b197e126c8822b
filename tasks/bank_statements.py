"""The bank: payouts of gateways that did not arrive."""

from app.foundation.db import transaction
from app.money.bank_statements import actions as bank_statements


async def check_payouts(limit: int) -> int:  # noqa: ARG001  a gateway pays out once a day
    """Look for payouts in the bank's entries, and alert about those that are late; how many are."""
    async with transaction() as tx:
        await bank_statements.match(tx)
        return await bank_statements.alert(tx)
