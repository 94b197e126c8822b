"""The audit over several connections, which see one instant and share the laws among them."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

from app.foundation.db import (
    Tx,
    direct_connection,
    join_snapshot,
    transaction_on,
)
from app.operations.invariants.actions import JUDGES, Judge, judge_next, told
from app.operations.invariants.model import Audit
from app.operations.invariants.queries.judging import Verdicts, take_snapshot


async def audit_on(url: str, *, connections: int) -> Audit:
    """What there is to say of every law at one instant, by so many connections to `url`.

    Each keeps one of the server's processors busy. Raises Unavailable.
    """
    async with AsyncExitStack() as stack:
        txs = [await _open(stack, url) for _ in range(connections)]
        await _see_one_instant(txs)
        return told(await _judged(txs))


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
        # One failure stops the others; it says all that there is to say.
        raise failed.exceptions[0] from failed
    return {law: verdict for task in tasks for law, verdict in task.result().items()}
