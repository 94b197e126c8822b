"""Tables of a trial: temporary ones with the names of ours, which end with the session."""

from datetime import datetime

from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, execute


async def create_tables(tx: Tx) -> None:
    """Create the tables of a trial. From here on this session does not see the real ones."""
    await execute(
        tx,
        """
        CREATE TEMPORARY TABLE gateway_movements
               (LIKE public.gateway_movements INCLUDING ALL)""",
    )
    await execute(
        tx,
        """
        CREATE TEMPORARY TABLE reconciliation_runs
               (LIKE public.reconciliation_runs INCLUDING ALL)""",
    )
    await execute(tx, "CREATE TEMPORARY TABLE differences (LIKE public.differences INCLUDING ALL)")
    await execute(
        tx,
        """
        CREATE TEMPORARY TABLE reconciliation_hours
               (LIKE public.reconciliation_hours INCLUDING ALL)""",
    )


async def copy_open(tx: Tx, gateway: GatewayName, *, since: datetime, until: datetime) -> None:
    """Copy the differences that are open, with what people have explained."""
    await execute(
        tx,
        """
        INSERT INTO differences
               (id, gateway, what, kind, subject, at, currency, at_gateway, here, in_ledger,
                gateway_state, state, reference, charge_reference, charge_id, payment_id,
                instruction_id, first_seen, last_seen, tries, alerted_at, explained_at,
                explained_by, note)
        SELECT id, gateway, what, kind, subject, at, currency, at_gateway, here, in_ledger,
               gateway_state, state, reference, charge_reference, charge_id, payment_id,
               instruction_id, first_seen, last_seen, tries, alerted_at, explained_at,
               explained_by, note
          FROM public.differences
         WHERE gateway = %(gateway)s AND closed_at IS NULL
           AND at >= %(since)s AND at < %(until)s""",
        gateway=gateway,
        since=since,
        until=until,
    )
