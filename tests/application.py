"""The application, for tests that only use it."""

from functools import cache

from litestar.types import ASGIApp

from app.main import create_app


@cache
def the_app() -> ASGIApp:
    """One for all tests of a process: to put it together takes longer than most of them.

    It holds no state but what its lifespan opens and closes.
    """
    return create_app()
