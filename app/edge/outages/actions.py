"""Count the calls that get no answer, and say which gateways to leave alone.

All processes count in one row per gateway, so that they agree, as soon as it is committed, on
whether it is down. A process writes only when a call has failed, or when one has succeeded and the
process knows of failures before: its own, or those that it has seen when it asked.
"""

from collections.abc import Sequence, Set
from typing import Final

from app.edge.calls import actions as calls
from app.edge.calls.model import NO_CALLS, CallFigures
from app.edge.gateways.port import GatewayName
from app.edge.outages import queries
from app.edge.outages.model import FAILURES_MAX, Condition, GatewayList, GatewayReply, Outage
from app.foundation.alerts import Severity, raise_alert, resolve_alert
from app.foundation.db import Tx

_DOWN: Final = "gateway_down"  # the kind of alert; its subject is the gateway

_failing: Final[set[GatewayName]] = set()  # as far as this process knows


def is_failing(gateway: GatewayName) -> bool:
    """Whether this process knows of failures, and so has to tell of a success."""
    return gateway in _failing


async def failed(tx: Tx, gateway: GatewayName, *, reason: str) -> bool:
    """A call got no answer; returns whether the gateway is down now.

    When it is the fifth in a row, an alert says so.
    """
    outage = await queries.count_failure(tx, gateway, reason=reason)
    _failing.add(gateway)
    if outage.failures == FAILURES_MAX:
        await raise_alert(
            tx,
            kind=_DOWN,
            severity=Severity.CRITICAL,
            subject=gateway,
            details={"since": outage.since.isoformat(), "reason": reason},
        )
    return outage.is_down


async def answered(tx: Tx, gateway: GatewayName) -> None:
    """A call got an answer: whatever it says, the gateway is there."""
    failures = await queries.end(tx, gateway)
    _failing.discard(gateway)
    if failures and failures >= FAILURES_MAX:
        await resolve_alert(tx, _DOWN, gateway)


async def down(tx: Tx) -> Set[GatewayName]:
    """The gateways to which nothing new goes for now."""
    known = await queries.outages(tx)
    _failing.update(outage.gateway for outage in known)
    return {outage.gateway for outage in known if outage.is_down}


async def read(tx: Tx, names: Sequence[GatewayName]) -> GatewayList:
    """How these gateways are, and how their last hour was."""
    known = {outage.gateway: outage for outage in await queries.outages(tx)}
    hour = await calls.figures(tx)
    return GatewayList(
        gateways=[_reply(name, known.get(name), hour.get(name, NO_CALLS)) for name in names]
    )


def _reply(name: GatewayName, outage: Outage | None, last_hour: CallFigures) -> GatewayReply:
    condition = Condition.UP
    if outage:
        condition = Condition.DOWN if outage.is_down else Condition.FAILING
    return GatewayReply(
        name=name,
        condition=condition,
        failures=outage.failures if outage else 0,
        since=outage.since if outage else None,
        last_failure_at=outage.last_at if outage else None,
        down_until=outage.down_until if outage else None,
        reason=outage.reason if outage else None,
        last_hour=last_hour,
    )
