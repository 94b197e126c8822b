"""The application, for tests that only use it."""

from functools import cache
from typing import Any, cast

import httpx
from litestar.types import ASGIApp

from app.main import create_app


@cache
def the_app() -> ASGIApp:
    """One for all tests of a process: to put it together takes longer than most of them.

    It holds no state but what its lifespan opens and closes.
    """
    return create_app()


def transport_to(app: object, *, raise_app_exceptions: bool = True) -> httpx.ASGITransport:
    """What makes an HTTP client call an application of this process; Litestar and httpx describe
    the type of an application in different words.
    """
    return httpx.ASGITransport(cast("Any", app), raise_app_exceptions=raise_app_exceptions)
