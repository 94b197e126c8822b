"""The audit over several connections, which share the laws and see the same instant."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

from app.foundation.db import (
    Tx,
    direct_connection,
    join_snapshot,
    transaction_on,
)
from app.operations.invariants.actions import JUDGES, Judge, in_order, judge_next
from app.operations.invariants.model import Audit
from app.operations.invariants.queries.judging import Verdicts, take_snapshot


async def audit_on(url: str, *, connections: int) -> Audit:
    """The findings of every law at one instant, over this many connections to `url`.

    Each connection keeps one processor of the server busy. Raises Unavailable.
    """
    async with AsyncExitStack() as stack:
        txs = [await _open(stack, url) for _ in range(connections)]
        await _see_one_instant(txs)
        return in_order(await _judged(txs))


async def _open(stack: AsyncExitStack, url: str) -> Tx:
    connection = await stack.enter_async_context(direct_connection(url))
    return await stack.enter_async_context(transaction_on(connection))


async def _see_one_instant(txs: list[Tx]) -> None:
    first, *others = txs
    await take_snapshot(first)
    for tx in others:
        await take_snapshot(tx)
        await join_snapshot(tx, first)


async def _judged(txs: list[Tx]) -> Verdicts:
    judges: Iterator[Judge] = iter(JUDGES)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(judge_next(tx, judges)) for tx in txs]
    except ExceptionGroup as failed:
        # The first failure has stopped the others: it is the one to report.
        raise failed.exceptions[0] from failed
    return {law: verdict for task in tasks for law, verdict in task.result().items()}
