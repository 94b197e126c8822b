"""Sweeps: many rows, one transaction each, so that neither a crash nor a bad row stops the rest."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import structlog

from app.alerts import Severity, raise_alert, resolve_alert
from app.db import Tx, transaction

_ALERT = "sweep_failed"

_log = structlog.get_logger(__name__)


async def sweep(
    name: str,
    *,
    pick: Callable[[Tx, Sequence[UUID]], Awaitable[UUID | None]],
    act: Callable[[Tx, UUID], Awaitable[object]],
    limit: int,
) -> int:
    """Act on one row after the other until none is left, or `limit` are done; returns how many.

    `pick` locks the next row and returns its id, None if there is none; it passes over the ids it
    is given: those that raised in this run, at its end too (deferred constraints). About each of
    them an alert is open until a later run has done it. `pick` reads nothing but the id, so that
    a row that cannot even be read counts as such a one.
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
            await _tell(name, row_id, error)
        else:
            done += 1
    return done


async def _tell(name: str, row_id: UUID, error: Exception) -> None:
    _log.exception("a sweep passed over a row", sweep=name, row_id=str(row_id), exc_info=error)
    async with transaction() as tx:
        await raise_alert(
            tx,
            kind=_ALERT,
            severity=Severity.CRITICAL,
            subject=_subject(name, row_id),
            details={"error": f"{type(error).__name__}: {error}".replace("\x00", "")[:500]},
        )


def _subject(name: str, row_id: UUID) -> str:
    return f"{name} {row_id}"
