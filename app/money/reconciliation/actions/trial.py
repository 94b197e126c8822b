"""A trial: a reconciliation that leaves nothing behind."""

from app.edge.gateways.lists import Span
from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx
from app.money.reconciliation.queries import trial


async def begin_trial(tx: Tx, gateway: GatewayName, span: Span) -> None:
    """Make all that this session stores of a reconciliation end with the session.

    Only on a connection that nothing else uses, neither now nor later.
    """
    await trial.create_tables(tx)
    await trial.copy_open(tx, gateway, since=span.since, until=span.until)
