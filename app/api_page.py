"""The API's own description: OpenAPI at /schema/openapi.json, and a page to read and try it."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from litestar import Litestar, Router
from litestar.datastructures import CacheControlHeader
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIFormat
from litestar.routes import HTTPRoute
from litestar.static_files import (
    create_static_files_router,  # pyright: ignore[reportUnknownVariableType]
)

from app.foundation.web import PROBLEM_MEDIA_TYPE
from app.people.accounts.routes import SECURITY_SCHEMES

_PATH: Final = "/schema"
_ASSETS_PATH: Final = "/schema-assets"
_KEY_REQUIRED: Final = frozenset(
    {
        "/api/payments/initiate",
        "/api/host/payout-accounts",
        "/api/admin/ledger/adjustments",
        "/api/admin/bookings/{booking_id}/refunds",
        "/api/admin/refunds/{instruction_id}/reissue",
        "/api/admin/transfers/{instruction_id}/reissue",
    }
)
# The page's own script and style are in it: they are made by the renderer, without a nonce.
_CSP: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_METHODS: Final = ("get", "post", "put", "patch", "delete")

DESCRIPTION: Final = OpenAPIConfig(
    title="Berthold",
    version="1",
    description=(
        "Book nights in rooms and seats on trips. Money is integer minor units with a currency; "
        "times are RFC 3339 in UTC; errors are `application/problem+json` and name every wrong "
        "field; lists are paged with `cursor` and `nextCursor`. Send an `Idempotency-Key` with "
        "every POST that creates: a repetition then gets the first reply again."
    ),
    openapi_router=Router(
        path=_PATH,
        route_handlers=[],
        opt={"exclude_from_auth": True},
        include_in_schema=False,
        response_headers={"Content-Security-Policy": _CSP, "Cache-Control": "no-cache"},
    ),
    render_plugins=[
        SwaggerRenderPlugin(
            path="/",
            js_url=f"{_ASSETS_PATH}/swagger-ui-bundle.js",
            css_url=f"{_ASSETS_PATH}/swagger-ui.css",
            standalone_preset_js_url=f"{_ASSETS_PATH}/swagger-ui-standalone-preset.js",
            favicon=f'<link rel="icon" href="{_ASSETS_PATH}/favicon-32x32.png">',
        ),
        JsonRenderPlugin(),
    ],
    components=Components(security_schemes=dict(SECURITY_SCHEMES)),
    security=[{"bearer": []}, {"cookie": []}],
)

assets: Final = create_static_files_router(
    path=_ASSETS_PATH,
    directories=[Path(str(files("swagger_ui") / "static"))],
    opt={"exclude_from_auth": True},
    cache_control=CacheControlHeader(public=True, max_age=3600),
    include_in_schema=False,
)

_TEXT: Final = Schema(type=OpenAPIType.STRING)
_PROBLEM: Final = Schema(
    type=OpenAPIType.OBJECT,
    description="RFC 9457. `code` is what a program switches on; `errors` names each wrong field.",
    required=["type", "title", "status", "detail", "instance", "code", "errors"],
    properties={
        "type": _TEXT,
        "title": _TEXT,
        "status": Schema(type=OpenAPIType.INTEGER),
        "detail": _TEXT,
        "instance": _TEXT,
        "code": _TEXT,
        "errors": Schema(
            type=OpenAPIType.ARRAY,
            items=Schema(
                type=OpenAPIType.OBJECT,
                required=["field", "message"],
                properties={"field": _TEXT, "message": _TEXT},
            ),
        ),
        "requestId": _TEXT,
    },
    examples=[
        {
            "type": "urn:berthold:problem:units_taken",
            "title": "Some of these are no longer free",
            "status": 409,
            "detail": "Not free: 1A.",
            "instance": "/api/bookings/reserve",
            "code": "units_taken",
            "errors": [],
            "requestId": "01a1fcb21b4a72199f0c9ed61a33f117",
            "unavailableSeats": ["1A"],
            "alternativeSeats": ["1B", "1C"],
        }
    ],
)


def describe(app: Litestar) -> None:
    """Complete the description: what all routes share, and what a route declares of itself.

    All share the form of refusals and, where they create, idempotency keys. A route with
    `exclude_from_auth=True` needs no log-in; `examples={"what it asks for": body, …}` on a route
    are shown as bodies to begin with.
    """
    description = app.openapi_schema
    schemas = description.components.schemas
    _describe_times_of_day(schemas)
    schemas["Problem"] = _PROBLEM
    for handler, operation in _handled(app):
        if handler.opt.get("exclude_from_auth"):
            operation.security = []
        if examples := handler.opt.get("examples"):
            _show_examples(operation, examples)
    for address, path in (description.paths or {}).items():
        if path.post and _creates(address, path.post):
            path.post.parameters = [*(path.post.parameters or []), _idempotency_key(address)]
        for operation in _operations(path):
            responses = operation.responses or {}
            responses.pop("400", None)
            nothing = responses.get("204")
            if isinstance(nothing, OpenAPIResponse):
                nothing.content = None
            responses["default"] = OpenAPIResponse(
                description="A refusal: 4xx names what is wrong; 5xx changed nothing",
                content={
                    PROBLEM_MEDIA_TYPE: OpenAPIMediaType(
                        schema=Reference(ref="#/components/schemas/Problem")
                    )
                },
            )


def _handled(app: Litestar) -> Iterator[tuple[HTTPRouteHandler, Operation]]:
    """Each route that is described, with its operation in the description."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            path = (app.openapi_schema.paths or {}).get(route.path_format)
            for handler in route.route_handlers:
                for method in handler.http_methods:
                    operation = getattr(path, method.lower(), None)
                    if isinstance(operation, Operation):
                        yield handler, operation


def _show_examples(operation: Operation, examples: Mapping[str, Mapping[str, Any]]) -> None:
    body = operation.request_body
    if not isinstance(body, RequestBody):
        raise TypeError(f"{operation.operation_id} has examples, and takes no body")
    body.content["application/json"].examples = {
        name: Example(summary=name, value=dict(example)) for name, example in examples.items()
    }


def _creates(address: str, operation: Operation) -> bool:
    return "201" in (operation.responses or {}) and not address.startswith("/api/auth")


def _idempotency_key(address: str) -> Parameter:
    return Parameter(
        name="Idempotency-Key",
        param_in="header",
        required=address in _KEY_REQUIRED,
        description="One key per intention: a repetition gets the first reply again (24 h)",
        schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=255),
    )


def _describe_times_of_day(schemas: dict[str, Schema]) -> None:
    """Describe times of day as `15:00:00`: Litestar describes them as durations."""
    for schema in schemas.values():
        for field in (schema.properties or {}).values():
            alternatives = field.one_of if isinstance(field, Schema) else None
            for kind in [field, *(alternatives or [])]:
                if isinstance(kind, Schema) and kind.format is OpenAPIFormat.DURATION:
                    kind.format = None
                    kind.pattern = r"^\d\d:\d\d:\d\d"


def _operations(path: PathItem) -> list[Operation]:
    found = [getattr(path, method) for method in _METHODS]
    return [operation for operation in found if isinstance(operation, Operation)]
