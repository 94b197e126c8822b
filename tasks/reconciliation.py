"""Reconciliation: what gateways list is compared with what is here and with the ledger."""

from datetime import timedelta
from functools import partial
from typing import Final

from app.edge.gateways.lists import Span
from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import open_names
from app.flows.mending import stories
from app.foundation import queue
from app.foundation.db import now, transaction
from tasks.runner.handlers import handles
from tasks.sweeps import in_turn

_DAY: Final = timedelta(days=1)
_LAST_HOURS: Final = timedelta(hours=3)


@handles(queue.ReconcileGateway)
async def reconcile(job: queue.ReconcileGateway) -> None:
    """Compare what a gateway lists of a day (UTC) with what is here and in the ledger."""
    await stories.reconcile(GatewayName(job.gateway), _around(Span.of_day(job.day)))


async def reconcile_gateways(limit: int) -> int:  # noqa: ARG001  a day's lists are taken whole
    """Reconcile yesterday (UTC) at each gateway, and mend; returns how many rows were read.

    With a day on either side: gateways' days differ, and rows come late. A gateway that does not
    answer does not keep the others from being reconciled.
    """
    async with transaction() as tx:
        today = (await now(tx)).date()
    return await _at_all(_around(Span.of_day(today - _DAY)))


async def reconcile_last_hours(limit: int) -> int:  # noqa: ARG001
    """Reconcile the last three hours at each gateway, and mend; returns how many rows were read."""
    async with transaction() as tx:
        until = await now(tx)
    return await _at_all(Span(since=until - _LAST_HOURS, until=until))


async def _at_all(span: Span) -> int:
    return await in_turn(*(partial(stories.reconcile, name, span) for name in open_names()))


def _around(day: Span) -> Span:
    return Span(since=day.since - _DAY, until=day.until + _DAY)
