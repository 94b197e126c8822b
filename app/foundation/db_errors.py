"""What the database's errors mean: a constraint refused a write, or it cannot be done now."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from app.foundation.errors import Unavailable

_RETRY_AFTER_S: Final = 2
# InternalError is what fits no other class: a database that only reads, a transaction that ended
# because it was idle, what a pooler says before it closes the connection.
_TROUBLE: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
    PoolTimeout,
    PoolClosed,
)
_TOO_BUSY: Final = (
    errors.LockNotAvailable,
    errors.QueryCanceled,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    PoolTimeout,
)


class Violated(Exception):
    """A constraint refused a write; the action that expects that raises the room's problem."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class CommitUnknown(Unavailable):
    """The answer to COMMIT was lost: all of the transaction was done, or nothing of it."""

    title = "It is not known whether this took effect"


@contextmanager
def translated() -> Generator[None, None, None]:
    """Turn psycopg's errors into Violated and Unavailable; those of a bug of ours stay."""
    try:
        yield
    except psycopg.IntegrityError as error:
        raise Violated(error.diag.constraint_name or error.diag.column_name or "") from error
    except errors.InFailedSqlTransaction:
        raise  # somebody went on after an error
    except _TROUBLE as error:
        raise unavailable(error) from error


@contextmanager
def translated_commit() -> Generator[None, None, None]:
    """Turn an error of COMMIT into CommitUnknown, unless it says that nothing was committed."""
    try:
        yield
    except _TROUBLE as error:
        if _is_rolled_back(error):
            raise
        raise CommitUnknown(
            "The database went away during the commit. Look whether it was done before you send it"
            " again, or send it with the same Idempotency-Key.",
            retry_after_s=_RETRY_AFTER_S,
        ) from error


def is_spoiled(error: BaseException) -> bool:
    """Whether a connection that had this error must not be used again.

    One that only reads would fail again, and a new one may lead to another server.
    """
    cause = error.__cause__ if isinstance(error, Unavailable) else error
    return isinstance(cause, psycopg.InternalError) or isinstance(error, CommitUnknown)


def is_locked_out(error: Unavailable) -> bool:
    """Whether others held a lock for too long, so that the same may succeed later."""
    return isinstance(error.__cause__, (errors.LockNotAvailable, errors.DeadlockDetected))


def unavailable(error: BaseException | None = None) -> Unavailable:
    """503, with what is known of the reason."""
    detail = "The database cannot be reached."
    if isinstance(error, errors.ReadOnlySqlTransaction):
        detail = "The database takes no changes at this moment."
    elif isinstance(error, _TOO_BUSY):
        detail = "The database was too busy to do this in time."
    elif isinstance(error, psycopg.InternalError):
        detail = "The database could not do this."
    return Unavailable(detail, retry_after_s=_RETRY_AFTER_S)


def _is_rolled_back(error: BaseException) -> bool:
    """Whether the server itself answered COMMIT with an error: after one, all is undone.

    FATAL may come after the commit, and what a pooler says of a lost server has class 08 or 57.
    """
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        return False
    diag = error.diag
    severity = diag.severity_nonlocalized or diag.severity
    return severity == "ERROR" and error.sqlstate[:2] not in ("08", "57", "58", "XX")
