"""What a call to a gateway has shown, written down in a transaction of its own."""

from app.db import transaction
from app.gateways.port import GatewayName
from app.outages import actions


async def hear(gateway: GatewayName, failure: str | None) -> None:
    """A call has ended: without an answer because of `failure`, or with one (None)."""
    if failure is not None:
        async with transaction() as tx:
            await actions.failed(tx, gateway, reason=failure)
    elif actions.is_failing(gateway):
        async with transaction() as tx:
            await actions.answered(tx, gateway)
