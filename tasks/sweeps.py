"""Sweeps: act on many rows, so that a crash, or one row that fails, does not stop the others.

Each row has a transaction of its own; or many rows share one, until one of them is bad. A function
that only queues a job for each row changes none of the rows, and needs no sweep.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol
from uuid import UUID

import structlog

from app.foundation.alerts import Severity, raise_alert, resolve_alert, resolve_alerts
from app.foundation.clipping import message
from app.foundation.db import Tx, transaction

_ALERT: Final = "sweep_failed"
_BATCH: Final = 100

_log = structlog.get_logger(__name__)

Pick = Callable[[Tx, Sequence[UUID]], Awaitable[UUID | None]]
Act = Callable[[Tx, UUID], Awaitable[object]]


class Batch(Protocol):
    """A function that acts on up to `limit` rows at once, and returns their ids."""

    def __call__(self, tx: Tx, /, *, limit: int) -> Awaitable[Sequence[UUID]]: ...


async def sweep(name: str, *, pick: Pick, act: Act, limit: int) -> int:
    """Act on one row after the other until none is left or `limit` are done; returns how many.

    `pick` locks the next row and returns its id, or None if there is none. It skips the ids that it
    is given: the rows that failed earlier in this run, in `act` or at the commit (a deferred
    constraint). About each of these an alert is open until a later run has done the row. `pick`
    reads nothing but the id, so that a row that cannot even be read is passed over as well.
    """
    done, bad = 0, list[UUID]()
    while done < limit and len(bad) < limit:
        row_id = None
        try:
            async with transaction() as tx:
                row_id = await pick(tx, bad)
                if row_id is None:
                    break
                await act(tx, row_id)
                await resolve_alert(tx, _ALERT, _subject(name, row_id))
        except Exception as error:
            if row_id is None:
                raise
            bad.append(row_id)
            await _alert(name, row_id, error)
        else:
            done += 1
    return done


async def sweep_in_batches(name: str, *, batch: Batch, pick: Pick, act: Act, limit: int) -> int:
    """Act on many rows in one transaction, batch by batch; returns how many rows were done.

    One bad row fails its whole batch: the rows that are left are then done one by one, by `sweep`
    with `pick` and `act`, and only the bad row is passed over.
    """
    done = 0
    while done < limit:
        size = min(_BATCH, limit - done)
        try:
            async with transaction() as tx:
                row_ids = await batch(tx, limit=size)
                await resolve_alerts(tx, (_ALERT,), [_subject(name, row_id) for row_id in row_ids])
        except Exception as error:  # noqa: BLE001  whatever it is, few rows cause it
            _log.warning("a batch failed; its rows are done one by one", sweep=name, exc_info=error)
            return done + await sweep(name, pick=pick, act=act, limit=limit - done)
        done += len(row_ids)
        if len(row_ids) < size:
            break
    return done


async def in_turn(*steps: Callable[[], Awaitable[int]]) -> int:
    """Take all of these steps, also after one that raises; returns the sum of their results.

    What was raised is raised at the end, several errors as one ExceptionGroup.
    """
    done, errors = 0, list[Exception]()
    for step in steps:
        try:
            done += await step()
        except Exception as error:  # noqa: BLE001  it is raised below
            errors.append(error)
    if len(errors) > 1:
        raise ExceptionGroup("several steps failed", errors)
    for error in errors:
        raise error
    return done


async def _alert(name: str, row_id: UUID, error: Exception) -> None:
    _log.exception("a sweep passed over a row", sweep=name, row_id=str(row_id), exc_info=error)
    async with transaction() as tx:
        await raise_alert(
            tx,
            kind=_ALERT,
            severity=Severity.CRITICAL,
            subject=_subject(name, row_id),
            details={"error": message(error)},
        )


def _subject(name: str, row_id: UUID) -> str:
    return f"{name} {row_id}"
