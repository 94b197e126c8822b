"""Run a statement that judges rows, and make verdicts of what it selects."""

from collections.abc import Awaitable, Callable
from typing import Any, LiteralString

from app.foundation.db import Tx, execute, fetch_new_value
from app.operations.invariants.model import Verdict

Verdicts = dict[str, Verdict]  # by law
Judge = Callable[[Tx], Awaitable[Verdicts]]


async def take_snapshot(tx: Tx) -> None:
    """Let this transaction see the database as it is now until its end, and change nothing.

    It must be the first statement. It blocks nobody, and nobody blocks it.
    """
    await execute(tx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


async def make_room(tx: Tx) -> None:
    """Give this transaction's statements time and memory: they read whole tables."""
    await execute(tx, "SET LOCAL statement_timeout = '10min'")
    # A connection that has no more judges waits for the others, with its transaction open.
    await execute(tx, "SET LOCAL idle_in_transaction_session_timeout = 0")
    await execute(tx, "SET LOCAL work_mem = '256MB'")
    await execute(tx, "SET LOCAL jit = off")
    # A connection uses one processor; for more, more connections are opened (stories.py).
    await execute(tx, "SET LOCAL max_parallel_workers_per_gather = 0")
    # Row by row is never the way to join whole tables.
    await execute(tx, "SET LOCAL enable_memoize = off")


async def judge(
    tx: Tx,
    subject: LiteralString,
    laws: tuple[LiteralString, ...],
    subjects: LiteralString,
    /,
    **params: Any,
) -> Verdicts:
    """Judge all that the statement `subjects` selects: a row each, `id` and a column per law.

    The column of a law says what is wrong with the row, and is null if nothing is. Only a few of
    the rows that break a law are returned, so that a law that all rows break is reported too.
    """
    verdicts = ", ".join([_verdict(subject, law) for law in laws])
    offences = ", ".join([_offences(law) for law in laws])
    return await fetch_new_value(
        tx,
        Verdicts,
        f"""
        SELECT jsonb_build_object({verdicts})
          FROM (SELECT count(*) AS checked, {offences} FROM ({subjects}) AS subject) AS judged""",  # noqa: S608
        **params,
    )


def _offences(law: LiteralString) -> LiteralString:
    return f"""
        array_agg(jsonb_build_object('id', id::text, 'what', {law}))
            FILTER (WHERE {law} IS NOT NULL) AS {law}"""


def _verdict(subject: LiteralString, law: LiteralString) -> LiteralString:
    return f"""
        '{law}', jsonb_build_object(
            'subject', '{subject}', 'checked', checked,
            'broken', coalesce(cardinality({law}), 0),
            'shown', coalesce(to_jsonb({law}[:20]), '[]'))"""
