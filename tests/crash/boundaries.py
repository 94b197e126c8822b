"""Where a process may die between two effects: around each COMMIT that writes, each gateway call.

They are found where all of them pass, in the database driver and in the transport of HTTP. So a
new step of a story is a new boundary without anybody listing it.
"""

import os
import re
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import httpx
from psycopg import AsyncConnection, AsyncCursor
from psycopg.pq import TransactionStatus

DIED: Final = 77  # the exit status of a process that died as planned

_OURS: Final = ("app.", "tasks.")
_RUNNER: Final = "tasks.runner."  # its loops keep no order; its own tests kill it
_BELOW: Final = (
    "app.foundation.db.",
    "app.edge.gateways.",
    "app.foundation.web.",
)  # say nothing about what is being done
# What is written down about a call is nothing that a story stands on, and the call beside it is a
# boundary itself.
_BESIDE: Final = "app.edge.calls.stories."
_NOTHING: Final = ""  # what the pool sends to see whether a connection lives
_REFERENCE: Final = re.compile(r"\b[a-z]+-[0-9a-f]{32}(-\d+)?")
_READS: Final = re.compile(r"\w+ GET ")


class Boundaries:
    """The boundaries that this process has reached; at the one with number `die_at` it dies."""

    def __init__(self, die_at: int | None = None) -> None:
        self.names: list[str] = []
        self._die_at = die_at

    def reach(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self._die_at:
            os._exit(DIED)

    @contextmanager
    def around_commits(self) -> Generator[None]:
        """Find the commits of all connections of this process, those of the tests left out.

        Transactions that wrote nothing are passed over: to die there changes nothing.
        """
        plain: tuple[Any, Any] = AsyncConnection._exec_command, AsyncCursor.execute
        AsyncConnection._exec_command = self._around_commit(plain[0])
        AsyncCursor.execute = self._around_statement(plain[1])
        try:
            yield
        finally:
            AsyncConnection._exec_command, AsyncCursor.execute = plain

    def _around_commit(self, plain: Any) -> Any:
        """Around the one function through which psycopg sends each COMMIT."""

        def exec_command(connection: Any, command: Any, *rest: Any, **named: Any) -> Any:
            who = _who() if command == b"COMMIT" else None
            in_order = connection.pgconn.transaction_status == TransactionStatus.INTRANS
            if not (who and in_order and (yield from _has_written(plain, connection))):
                return (yield from plain(connection, command, *rest, **named))
            self.reach(f"before the commit of {who}")
            result = yield from plain(connection, command, *rest, **named)
            self.reach(f"after the commit of {who}")
            return result

        return exec_command

    def _around_statement(self, plain: Any) -> Any:
        """Around statements outside any transaction, each of which is its own commit."""

        async def execute(cursor: Any, *rest: Any, **named: Any) -> Any:
            connection = cursor.connection
            is_idle = connection.info.transaction_status == TransactionStatus.IDLE
            is_commit = connection.autocommit and is_idle and rest[:1] != (_NOTHING,)
            who = _who() if is_commit else None
            if who is None:
                return await plain(cursor, *rest, **named)
            self.reach(f"before a statement of {who}")
            result = await plain(cursor, *rest, **named)
            self.reach(f"after a statement of {who}")
            return result

        return execute

    def around_calls(self, line: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """A line to a gateway on which each call is found."""
        return _Line(line, self)


class _Line(httpx.AsyncBaseTransport):
    def __init__(self, line: httpx.AsyncBaseTransport, boundaries: Boundaries) -> None:
        self._line = line
        self._boundaries = boundaries

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = _REFERENCE.sub("…", request.url.path)
        call = f"{request.method} {path} by {_who()}"
        self._boundaries.reach(f"before {call}")
        response = await self._line.handle_async_request(request)
        self._boundaries.reach(f"after {call}")
        return response


def distinct(names: Sequence[str]) -> Iterator[int]:
    """The numbers of the boundaries, from 1, without those that only come again.

    A call that reads leaves nothing behind: what is durable there is so at the boundaries next to
    it, too. Such calls count once by name.
    """
    seen: set[str] = set()
    for number, name in enumerate(names, start=1):
        if name not in seen or not _READS.match(name):
            yield number
        seen.add(name)


def _has_written(plain: Any, connection: Any) -> Generator[Any, Any, bool]:
    result = yield from plain(connection, b"SELECT pg_current_xact_id_if_assigned()")
    return result.get_value(0, 0) is not None


def _who() -> str | None:
    """The function whose commit or call this is, None if it is the test's own."""
    frame: FrameType | None = sys._getframe(1)
    while frame:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(_OURS) and not f"{module}.".startswith(_BELOW):
            is_left_out = f"{module}.".startswith((_RUNNER, _BESIDE))
            return None if is_left_out else f"{module}.{frame.f_code.co_qualname}"
        if module.startswith("tests.") and module != __name__:
            return None
        frame = frame.f_back
    return None
