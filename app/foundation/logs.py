"""Logs: JSON, one object per line, with the request's or job's id; or coloured text for people."""

import logging
import sys
from json import dumps
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import Processor

_NOISY = ("uvicorn.access", "httpx", "httpcore", "procrastinate", "psycopg.pool")


def configure_logs(level: str, *, json: bool, to: TextIO | None = None) -> None:
    """Send structlog's events and the standard library's to a stream, in one format.

    To stdout by default.
    """
    stream = to or sys.stdout
    number = logging.getLevelNamesMapping()[level]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *_rendering(json=json, bytes_out=True)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=(
            structlog.BytesLoggerFactory(stream.buffer)
            if json
            else structlog.PrintLoggerFactory(stream)
        ),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(json=json, bytes_out=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def _rendering(*, json: bool, bytes_out: bool) -> list[Processor]:
    if not json:
        return [
            structlog.dev.ConsoleRenderer(
                colors=True,
                # Not rich's traceback: it shows local variables, and tokens in them.
                exception_formatter=structlog.dev.plain_traceback,
            ),
            _printable,
        ]
    encode = _encode if bytes_out else _encode_text
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=encode),
    ]


def _printable(_logger: Any, _method: str, text: Any) -> str:
    return text.encode(errors="backslashreplace").decode()


def _encode(event: Any, **_: Any) -> bytes:
    try:
        return msgspec.json.encode(event, enc_hook=str)
    except UnicodeEncodeError:  # half a surrogate pair, for example from a file name
        return dumps(event, default=str).encode()


def _encode_text(event: Any, **_: Any) -> str:
    return _encode(event).decode()
