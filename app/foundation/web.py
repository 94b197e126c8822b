"""What all routes share: strict bodies, idempotent replies, problems as replies, request ids."""

import re
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Final, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
import structlog
import uuid_utils.compat
from litestar import MediaType, Request, Response
from litestar.datastructures import State
from litestar.dto import AbstractDTO
from litestar.exceptions import HTTPException, ValidationException
from litestar.params import QueryParameter
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.foundation import idempotency, limits
from app.foundation.addresses import answering
from app.foundation.db import Tx, transaction
from app.foundation.errors import (
    FieldError,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Problem,
    Unauthenticated,
)
from app.foundation.settings import settings
from app.foundation.wire import decode

T = TypeVar("T")

REQUEST_ID_HEADER: Final = "x-request-id"
_REQUEST_ID_NAME: Final = REQUEST_ID_HEADER.encode()
PROBLEM_MEDIA_TYPE: Final = "application/problem+json"

# Of a request's body. The second is for routes that take hundreds of things, or another's words.
BODY_BYTES_MAX: Final = 65_536
LARGE_BODY_BYTES_MAX: Final = 262_144

# Limits are on the QueryParameter: Litestar ignores msgspec's Meta on a parameter's type.
PageSize = Annotated[int, QueryParameter(ge=1, le=100, description="How many rows at the most")]
PageCursor = Annotated[
    str | None, QueryParameter(max_length=500, description="`nextCursor` of the page before")
]

_log = structlog.get_logger(__name__)
_MISSING = re.compile(r"Missing required \w+ parameter '(?P<name>[^']+)'")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class StrictBody(AbstractDTO[Any]):
    """Decodes every request body with `wire.decode`, and does not touch replies.

    Litestar's own decoding accepts "5" for 5 and stops at the first error. This is the `dto` of
    the whole application, so that no route can forget it.
    """

    _types: ClassVar[dict[str, Any]] = {}

    @classmethod
    def create_for_field_definition(
        cls,
        field_definition: Any,
        handler_id: str,
        backend_cls: Any = None,  # noqa: ARG003
    ) -> None:
        cls._types[handler_id] = field_definition.annotation

    @classmethod
    def create_openapi_schema(
        cls,
        field_definition: Any,
        handler_id: str,  # noqa: ARG003
        schema_creator: Any,
    ) -> Any:
        return schema_creator.for_field_definition(field_definition)

    def decode_bytes(self, value: bytes) -> Any:
        request = cast("Request[Any, Any, State]", self.asgi_connection)
        if request.content_type[0] != "application/json":  # text/plain needs no CORS preflight
            raise Malformed("Send the body as application/json.")
        return decode(value, self._types[request.route_handler.handler_id])

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Any:  # noqa: ARG003
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: Any) -> bool:  # noqa: ARG003
        return False


async def idempotency_key(request: Request[Any, Any, State]) -> idempotency.Key | None:
    """The Idempotency-Key of a request, None if it has none; for routes that need a log-in.

    Raises Invalid if the key has a wrong form.
    """
    return idempotency.read_key(
        request.headers.get("idempotency-key"),
        principal_id=request.user.id,
        route=f"{request.method} {request.scope['path']}",
        body=await request.body(),
    )


async def require_idempotency_key(request: Request[Any, Any, State]) -> idempotency.Key:
    """The Idempotency-Key of a request that moves money. Raises KeyMissing if it has none."""
    if key := await idempotency_key(request):
        return key
    raise idempotency.KeyMissing(
        "Send an Idempotency-Key header: a new key, or the same one to repeat a request."
    )


def check_return(url: str | None, *, field: str) -> None:
    """Check an address to which a gateway sends people back: it is ours, or of `WEB_ORIGINS`.

    Else our own links could lead anywhere. On a developer's machine it may be any of that machine.
    Raises Invalid, which names the field.
    """
    if url is None:
        return
    parts = urlsplit(url)
    is_here = settings().is_development and parts.hostname in ("127.0.0.1", "localhost")
    if is_here or f"{parts.scheme}://{parts.netloc}" in settings().origins:
        return
    raise Invalid.field(field, f"must begin with one of {', '.join(settings().origins)}")


def encoded(reply: object) -> bytes:
    """A reply as JSON, as it is sent and as it is stored under an idempotency key."""
    return msgspec.json.encode(reply)


async def created_once(
    key: idempotency.Key | None,
    create: Callable[[Tx], Awaitable[T]],
    *,
    bucket: limits.Bucket | None = None,
) -> Response[T]:
    """201 with what `create` creates in one transaction; for a known key, the stored reply.

    A token is taken from `bucket`, in the same transaction; and for what is refused, after the
    rollback, in one of its own.
    """
    try:
        async with transaction() as tx:
            if stored := await idempotency.recall(tx, key, bucket=bucket):
                return replayed(stored)
            reply = encoded(await create(tx))
            await idempotency.remember(tx, key, status=HTTPStatus.CREATED, reply=reply)
    except Problem as problem:
        await charge_refused(problem, bucket)
        raise
    return created(reply)


async def charge_refused(problem: Problem, bucket: limits.Bucket | None) -> None:
    """Take the token of a refused request, which its rollback has given back. Raises Limited."""
    is_refused = problem.status < HTTPStatus.INTERNAL_SERVER_ERROR
    if bucket and is_refused and not isinstance(problem, limits.Limited):
        await limits.charge(bucket)


def created(reply: bytes) -> Response[Any]:
    """201 with an encoded reply."""
    return Response(reply, status_code=HTTPStatus.CREATED, media_type=MediaType.JSON)


def replayed(stored: idempotency.Stored) -> Response[Any]:
    """The reply that was stored under an idempotency key, marked as a repetition."""
    return Response(
        stored.reply,
        status_code=stored.status,
        media_type=MediaType.JSON,
        headers={"Idempotency-Replayed": "true"},
    )


async def refuse_nul(request: Request[Any, Any, State]) -> None:
    """Refuse an address with a NUL character, which no text in Postgres can hold.

    This is called before every request. Bodies are checked when they are decoded.
    """
    if "\x00" in request.scope["path"] or b"%00" in request.scope["query_string"]:
        raise Malformed("An address must not contain a NUL character.")


def problem_reply(request: Request[Any, Any, State], problem: Problem) -> Response[Any]:
    """The reply that describes a problem, as application/problem+json (RFC 9457)."""
    body = {
        "type": f"urn:berthold:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.url.path,
        "code": problem.code,
        "errors": problem.errors,
        "requestId": structlog.contextvars.get_contextvars().get("request_id"),
        **problem.members,
    }
    headers: dict[str, str] = {}
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(problem.retry_after_s)
    return Response(
        body, status_code=problem.status, media_type=PROBLEM_MEDIA_TYPE, headers=headers
    )


def framework_refusal(request: Request[Any, Any, State], error: HTTPException) -> Response[Any]:
    """The reply for a refusal of Litestar's own (no such route, wrong method, bad query)."""
    problem = _as_problem(request, error)
    reply = problem_reply(request, problem)
    if type(problem) is Problem:
        title = HTTPStatus(error.status_code).phrase
        code = title.lower().replace(" ", "_")
        reply.content |= {
            "type": f"urn:berthold:problem:{code}",
            "title": title,
            "status": error.status_code,
            "code": code,
        }
        reply.status_code = error.status_code
    reply.headers.update(error.headers or {})
    return reply


def _as_problem(request: Request[Any, Any, State], error: HTTPException) -> Problem:
    if isinstance(error, ValidationException):
        return Invalid("Some parameters are not valid.", errors=_field_errors(request, error))
    families = {400: Malformed, 401: Unauthenticated, 403: Forbidden, 404: NotFound}
    return families.get(error.status_code, Problem)(error.detail)


def unexpected_failure(request: Request[Any, Any, State], error: Exception) -> Response[Any]:
    """The reply for an error that nothing handled: a bug. The traceback goes to the log alone."""
    _log.exception("request failed", exc_info=error)
    return problem_reply(request, Problem("The request failed, through a fault of ours."))


def _field_errors(
    request: Request[Any, Any, State], error: ValidationException
) -> list[FieldError]:
    if missing := _MISSING.match(error.detail):
        return [FieldError(field=missing["name"], message="is required")]
    extra = cast("list[dict[str, str]]", error.extra if isinstance(error.extra, list) else [])
    return [_field_error(request, e.get("key", "data"), e["message"]) for e in extra]


def _field_error(request: Request[Any, Any, State], parameter: str, message: str) -> FieldError:
    """What is wrong with a parameter, named as the client knows it and not as the handler does."""
    if parameter == "data":
        return FieldError(field="body", message="is required")
    known = request.route_handler.parsed_fn_signature.parameters.get(parameter)
    definition = known.kwarg_definition if known else None
    name = getattr(definition, "name", None) or parameter
    return FieldError(field=name, message=message[:1].lower() + message[1:])


def with_request_id(app: ASGIApp) -> ASGIApp:
    """Give each request an id and log one line about it; let its reply say what its limits are.

    The id is the client's own if it sent one of the right form.
    """

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        request_id = _request_id(scope)
        status = 500
        shown = limits.begin_showing()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = (_REQUEST_ID_NAME, request_id.encode())
                message["headers"] = [*message["headers"], own, *limits.headers(shown)]
            await send(message)

        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id), answering(scope):
            try:
                await app(scope, receive, send_with_id)
            finally:
                _log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    duration_ms=round((time.perf_counter() - started) * 1000, 1),
                )

    return handle


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == _REQUEST_ID_NAME and _REQUEST_ID.fullmatch(value.decode("latin-1")):
            return value.decode("latin-1")
    return uuid_utils.compat.uuid7().hex
