"""What gateways list differs from the ledger nowhere, or somebody has said why."""

from app.foundation.db import Tx
from app.operations.invariants.queries.judging import Verdicts, judge


async def differences(tx: Tx) -> Verdicts:
    """All differences that were found; one that was closed or explained breaks no law."""
    return await judge(
        tx,
        "difference",
        ("differences_explained",),
        """
        SELECT id, CASE WHEN closed_at IS NULL AND explained_at IS NULL
                         AND first_seen < business_now() - interval '1 hour'
                   THEN concat(gateway, ' ', what, ' ', subject, ' ', kind, ': ',
                               coalesce(at_gateway::text, 'nothing'), ' at the gateway, ',
                               coalesce(here::text, 'nothing'), ' here, ',
                               coalesce(in_ledger::text, 'nothing'), ' in the ledger, ', currency)
                   END AS differences_explained
          FROM differences""",
    )
