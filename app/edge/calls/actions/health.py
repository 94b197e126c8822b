"""Which gateways are down: count calls that get no answer, and how the last hour's calls went.

All processes count in one row per gateway. As soon as a count is committed, they agree on whether
the gateway is down. A process writes only after a failed call, or after an answered call if it
knows of earlier failures: its own, or those it saw when it read the counts.
"""

from collections.abc import Mapping, Sequence, Set
from typing import Final

from app.edge.calls.model import (
    FAILURES_MAX,
    NO_CALLS,
    CallFigures,
    Condition,
    FiguresRow,
    GatewayList,
    GatewayReply,
    Outage,
)
from app.edge.calls.queries import attempts, outages
from app.edge.gateways.port import GatewayName
from app.foundation.alerts import Severity, raise_alert, resolve_alert
from app.foundation.clipping import clip
from app.foundation.db import Tx

_DOWN: Final = "gateway_down"  # the kind of alert; its subject is the gateway

_failing: Final[set[GatewayName]] = set()  # as far as this process knows


async def gateways_down(tx: Tx) -> Set[GatewayName]:
    """The gateways that are down: for now no new charge, refund or transfer is sent to them."""
    known = await outages.list_all(tx)
    _failing.update(outage.gateway for outage in known)
    return {outage.gateway for outage in known if outage.is_down}


async def list_gateways(tx: Tx, names: Sequence[GatewayName]) -> GatewayList:
    """The health of these gateways, and how their calls of the last hour went."""
    known = {outage.gateway: outage for outage in await outages.list_all(tx)}
    last_hour = await _last_hour(tx)
    return GatewayList(
        gateways=[_reply(name, known.get(name), last_hour.get(name, NO_CALLS)) for name in names]
    )


def is_failing(gateway: GatewayName) -> bool:
    """Whether this process knows of failures: then the next answer ends them."""
    return gateway in _failing


async def count_failure(tx: Tx, gateway: GatewayName, *, reason: str) -> bool:
    """Count a call that got no answer; returns whether the gateway is down now.

    The failure that brings it down raises an alert.
    """
    reason = clip(reason)
    outage = await outages.count_failure(tx, gateway, reason=reason)
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


async def end_outage(tx: Tx, gateway: GatewayName) -> None:
    """Forget a gateway's failures: it has answered, and even a refusal shows that it is up."""
    failures = await outages.delete(tx, gateway)
    _failing.discard(gateway)
    if failures and failures >= FAILURES_MAX:
        await resolve_alert(tx, _DOWN, gateway)


async def _last_hour(tx: Tx) -> Mapping[GatewayName, CallFigures]:
    return {row.gateway: _figures(row) for row in await attempts.figures(tx)}


def _figures(row: FiguresRow) -> CallFigures:
    return CallFigures(
        calls=row.calls,
        retries=row.retries,
        failures=row.failures,
        latency_ms_p50=row.latency_ms_p50,
        latency_ms_p95=row.latency_ms_p95,
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
