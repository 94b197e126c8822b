"""Every route that the application serves, asked of the application itself."""

from collections.abc import Iterator
from typing import Any

from litestar import Litestar
from litestar.routes import HTTPRoute

from tests.application import the_app


async def served() -> set[tuple[str, str]]:
    """(method, path with its parameters in braces) of each route, whether described or not."""
    litestar = await _litestar()
    return set(_operations(litestar))


async def guarded(guard: Any) -> set[tuple[str, str]]:
    """(method, path) of each route that has this guard."""
    litestar = await _litestar()
    return set(_operations(litestar, guard))


async def _litestar() -> Litestar:
    """The Litestar application inside the wrappers: it puts itself into the scope of a request."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/health/live",
        "raw_path": b"/health/live",
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None:
        return None

    app: Any = the_app()
    await app(scope, receive, send)
    return scope["litestar_app"]


def _operations(litestar: Litestar, guard: Any = None) -> Iterator[tuple[str, str]]:
    for route in litestar.routes:
        assert isinstance(route, HTTPRoute), f"nobody has thought about {route} yet"
        for handler in route.route_handlers:
            if guard is not None and guard not in handler.resolve_guards():
                continue
            for method in handler.http_methods:
                if method != "OPTIONS":  # which Litestar adds to each, and needs a login like any
                    yield str(method), route.path_format
