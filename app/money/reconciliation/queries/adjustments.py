"""What admins have posted by hand, to explain differences."""

from collections.abc import Sequence

from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, fetch_values
from app.money.reconciliation.model import What


async def posted_by_hand(
    tx: Tx, gateway: GatewayName, what: What, subjects: Sequence[str]
) -> list[str]:
    """Of these subjects, by the gateway's ids, those whose amount admins have posted."""
    return await fetch_values(
        tx,
        str,
        """
        SELECT DISTINCT subject FROM movement_adjustments
         WHERE gateway = %(gateway)s AND what = %(what)s AND subject = ANY(%(subjects)s)
           AND amount <> 0""",
        gateway=gateway,
        what=what,
        subjects=list(subjects),
    )
