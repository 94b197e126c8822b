"""What connections may cost: how large and slow the head of a request, and how many there are.

uvicorn bounds heads only when it parses with h11. Parsing with httptools, which is faster, it takes
heads of any size, and waits for the rest of one for ever (findings/uvicorn_httptools_heads.sh).
Bodies are bounded by the application: their size by route, their time by `asgi.with_deadline`.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX: Final = 32_768  # twice what the proxy lets through, which adds to it
HEAD_SECONDS_MAX: Final = 20.0
# Below the 1,024 files that a process may often have open: more could not be accepted at all.
CONNECTIONS_MAX: Final = 800
BACKLOG: Final = 1_024
# Longer than proxies keep theirs (60 s, Heroku's router 90 s): else they send into a closed one.
KEEP_ALIVE_SECONDS: Final = 95
SHUTDOWN_SECONDS: Final = 25  # a call to a gateway may take 20; platforms kill after 30

_LIVENESS: Final = b"/health/live"
_FIELD_BYTES: Final = 4  # of a header, beside its name and value
_LINGER_SECONDS: Final = 1.0  # a reply may be lost if the connection is closed on unread bytes


def _problem(status: HTTPStatus, code: str, title: str, detail: str, *more: str) -> bytes:
    """A reply that says that its connection is closed: application/problem+json (RFC 9457)."""
    body = msgspec.json.encode(
        {
            "type": f"urn:berthold:problem:{code}",
            "title": title,
            "status": status,
            "detail": detail,
            "code": code,
            "errors": [],
        }
    )
    head = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "content-type: application/problem+json",
        f"content-length: {len(body)}",
        "connection: close",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        *more,
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


_TOO_LARGE: Final = _problem(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head_too_large",
    "The request's headers are too large",
    f"Address and headers may have {HEAD_BYTES_MAX} bytes.",
)
_TOO_SLOW: Final = _problem(
    HTTPStatus.REQUEST_TIMEOUT,
    "too_slow",
    "The request's headers did not arrive in time",
    "Send it again, without pauses.",
)
_TOO_MANY: Final = _problem(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_connections",
    "Too many requests are being answered",
    "Try again in a moment.",
    "retry-after: 1",
)


class Connection(HttpToolsProtocol):
    """A connection whose heads have a size and a deadline: `uvicorn.run(..., http=Connection)`.

    Above uvicorn's `limit_concurrency`, of connections or of requests in progress, requests get a
    503. The question whether the process lives is answered all the same: a busy process must not be
    restarted; it is only not ready.
    """

    head_seconds_max = HEAD_SECONDS_MAX

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._most = self.limit_concurrency
        self.limit_concurrency = None  # counted here
        self._head_bytes = 0
        self._is_in_head = True
        self._is_refused = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._deadline is None:
                self._wait_for_head()
        super().data_received(data)
        if self._is_in_head and self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        if self._is_refused:
            return
        self._is_in_head = False
        self._end_waiting()
        lengths = (len(name) + len(value) + _FIELD_BYTES for name, value in self.headers)
        if len(self.url) + sum(lengths) > HEAD_BYTES_MAX:
            self._refuse(_TOO_LARGE)
        elif self._is_full() and not self.url.startswith(_LIVENESS):
            self._refuse(_TOO_MANY)
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._is_refused:
            return
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Close a connection whose request was answered before all of it had come.

        Its rest would be read for nothing, as slowly as the client likes.
        """
        is_whole = self._is_in_head or self.pipeline
        super().on_response_complete()
        if not is_whole and not self.transport.is_closing():
            self._linger()

    def _is_full(self) -> bool:
        most = self._most
        return most is not None and (len(self.connections) > most or len(self.tasks) >= most)

    def _wait_for_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds_max, self._head_is_late)

    def _end_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _head_is_late(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self.cycle and not self.cycle.response_complete:  # the next head, before this reply
            self._wait_for_head()
        elif self._head_bytes:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, reply: bytes) -> None:
        """Answer and close, if nothing else is being answered; else only close."""
        self._is_refused = True
        if self.cycle and not self.cycle.response_complete:
            self.transport.close()
            return
        self.transport.write(reply)
        self._linger()

    def _linger(self) -> None:
        """Close once what is sent has arrived; what comes meanwhile is read, and is nothing."""
        self._is_refused = True
        self._end_waiting()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)
