"""One statement per function on `payout_accounts`, `host_debts` and `debt_recoveries`."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.db import Tx, execute, fetch_all, json
from app.gateways.port import GatewayName
from app.payouts.model import Debt, Recovery


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """An active payout account, as the gateway knows it."""

    host_id: UUID
    gateway: GatewayName
    currency: str
    recipient: str


async def recipients(tx: Tx, host_ids: Sequence[UUID]) -> list[Recipient]:
    """The active accounts of these hosts, which stay so until the transaction ends."""
    return await fetch_all(
        tx,
        Recipient,
        """
        SELECT host_id, gateway, currency, recipient FROM payout_accounts
         WHERE host_id = ANY(%(host_ids)s) AND state = 'active'
         ORDER BY id
           FOR SHARE""",
        host_ids=list(host_ids),
    )


async def awaited(tx: Tx, *, limit: int) -> list[Recipient]:
    """Active accounts that transfers wait for all the same."""
    return await fetch_all(
        tx,
        Recipient,
        """
        SELECT host_id, gateway, currency, recipient FROM payout_accounts
         WHERE state = 'active' AND EXISTS (
               SELECT FROM instructions
                WHERE instructions.state = 'waiting_for_payee'
                  AND payee_id = host_id AND instructions.gateway = payout_accounts.gateway
                  AND instructions.currency = payout_accounts.currency)
         LIMIT %(limit)s""",
        limit=limit,
    )


async def lock_debts(tx: Tx, host_ids: Sequence[UUID]) -> list[Debt]:
    """What these hosts still owe, oldest first, in an order in which nobody deadlocks."""
    return await fetch_all(
        tx,
        Debt,
        """
        SELECT * FROM host_debts
         WHERE host_id = ANY(%(host_ids)s) AND recovered < amount
         ORDER BY id
           FOR NO KEY UPDATE""",
        host_ids=list(host_ids),
    )


async def recover(tx: Tx, recoveries: Sequence[Recovery]) -> int:
    """Write down what is kept back, and count it towards its debts."""
    return await execute(
        tx,
        """
        WITH kept AS (
            INSERT INTO debt_recoveries (debt_id, source_id, amount)
            SELECT debt_id, source_id, amount
              FROM jsonb_populate_recordset(NULL::debt_recoveries, %(recoveries)s)
         RETURNING debt_id, amount
        )
        UPDATE host_debts SET recovered = recovered + sums.amount
          FROM (SELECT debt_id, sum(amount)::bigint AS amount FROM kept GROUP BY debt_id) AS sums
         WHERE host_debts.id = sums.debt_id""",
        recoveries=json(recoveries),
    )
