"""What the calls have in common: the key, the form, stored replies."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from secrets import token_hex
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from app.sandbox.faults import Kind, Operation, Rule, inject_after_effect, inject_before_effect
from app.sandbox.simulator import Simulator
from app.sandbox.stripe.dialect import NAME
from app.sandbox.stripe.wire import errors
from app.sandbox.stripe.wire.errors import StripeError

ApiRequest = Request[Any, Any, State]
Fields = Mapping[str, str]

_INDEX = re.compile(r"\[[0-9]+\]")
_MARK = re.compile(r"metadata\]?\[([^\]]+)\]$")
_FORM: Final = "application/x-www-form-urlencoded"
# Hundredths of what has none must be whole units, and the last of three decimals must be 0.
STEPS: Final = {"isk": 100, "ugx": 100, "kwd": 10, "tnd": 10}

_KEY_LENGTH_MAX: Final = 255


def with_valid_key(connection: ASGIConnection[Any, Any, Any, State], _: BaseRouteHandler) -> None:
    """Guard: the secret key as bearer token or as a user without password, and a version."""
    simulator: Simulator = connection.state.simulator
    given = connection.headers.get("authorization", "")
    keys = simulator.secret_keys[NAME]
    basic = {f"Basic {b64encode(f'{key}:'.encode()).decode()}" for key in keys}
    if given not in {f"Bearer {key}" for key in keys} | basic:
        raise errors.invalid_key()
    if "stripe-version" not in connection.headers:
        raise errors.no_version()


async def answer(
    request: ApiRequest,
    simulator: Simulator,
    operation: Operation,
    do: Callable[[Fields, Rule | None], dict[str, Any]],
) -> Response[Any]:
    """Do what a POST asks for, once per Idempotency-Key: for a day the first reply is repeated.

    That includes errors, if they came after the call had begun, and every 500, whether it came
    before the effect or after.
    """
    key, body = request.headers.get("idempotency-key", ""), await request.body()
    if len(key) > _KEY_LENGTH_MAX:
        raise errors.invalid("The idempotency key is too long", param="Idempotency-Key")
    call = hashlib.sha256(request.url.path.encode() + b"?" + body).hexdigest()
    replies = simulator.books.replies
    if kept := replies.find(key):
        return _again(kept.call == call, key, kept.status, kept.body)
    if key in replies.running:
        raise errors.key_in_use(key)
    rule = simulator.faults.take(operation)
    replies.running |= {key} - {""}
    try:
        if rule is None or rule.kind is not Kind.ERROR_500:
            await inject_before_effect(rule)
        status, reply = _attempt(do, _read_form(request, body), rule)
    finally:
        replies.running.discard(key)
    if key:
        text = msgspec.json.encode(reply).decode()
        replies.keep(key=key, call=call, status=status, body=text)
    if status != HTTPStatus.INTERNAL_SERVER_ERROR:
        await inject_after_effect(rule)
    return Response(reply, status_code=status, headers={"Request-Id": f"req_{token_hex(7)}"})


def check(fields: Fields, *, required: Collection[str], optional: Collection[str] = ()) -> None:
    """Raise an error for a field that is unknown or missing.

    `[0]` stands for any index, `[*]` for any name in metadata.
    """
    known = {*required, *optional, "expand[]", "expand[0]"}
    for name in fields:
        if _pattern(name) not in known:
            raise errors.unknown(name)
    for name in required:
        if "*" not in name and not fields.get(name):
            raise errors.missing(name)


def read_amount(fields: Fields, name: str) -> int:
    given = fields[name]
    if not re.fullmatch(r"[0-9]{1,12}", given):
        raise errors.invalid(
            f"Invalid integer: {given}", param=name, code="parameter_invalid_integer"
        )
    if int(given) < 1:
        raise errors.invalid(
            "This value must be greater than or equal to 1.",
            param=name,
            code="parameter_invalid_integer",
        )
    return int(given)


def check_steps(amount: int, currency: str, *, param: str) -> None:
    """Raise an error for an amount that a currency has, but not at Stripe."""
    step = STEPS.get(currency.lower(), 1)
    if amount % step:
        raise errors.invalid(
            f"Invalid amount: in {currency.lower()} it must be evenly divisible by {step}.",
            param=param,
            code="parameter_invalid_integer",
        )


def read_metadata(fields: Fields, prefix: str) -> dict[str, str]:
    """The metadata in fields `prefix[...]`."""
    marks = {name: mark[1] for name in fields if (mark := _MARK.search(name))}
    return {mark: fields[name] for name, mark in marks.items() if name == f"{prefix}[{mark}]"}


def _attempt(
    do: Callable[[Fields, Rule | None], dict[str, Any]], fields: Fields, rule: Rule | None
) -> tuple[int, dict[str, Any]]:
    """Its status and body. A fault of 500 comes before the effect or after it."""
    broken = HTTPStatus.INTERNAL_SERVER_ERROR, errors.broken().body
    if rule and rule.kind is Kind.ERROR_500:
        return broken
    try:
        done = do(fields, rule)
    except StripeError as error:
        if not error.is_kept:
            raise
        return error.status, error.body
    is_hidden = rule and rule.kind is Kind.ERROR_500_AFTER_EFFECT
    return broken if is_hidden else (HTTPStatus.OK, done)


def _again(is_same: bool, key: str, status: int, body: str) -> Response[Any]:
    if not is_same:
        raise errors.other_parameters(key)
    return Response(
        msgspec.json.decode(body),
        status_code=status,
        headers={"Idempotent-Replayed": "true", "Original-Request": "req_sandbox"},
    )


def _read_form(request: ApiRequest, body: bytes) -> dict[str, str]:
    """The form that was sent; a JSON body is an error."""
    if body and request.headers.get("content-type", "").partition(";")[0] != _FORM:
        raise errors.invalid(f"Send the parameters as {_FORM}", param="Content-Type")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body)))
    except ValueError as error:
        raise errors.invalid("The form cannot be read", param="body") from error


def _pattern(name: str) -> str:
    return re.sub(r"metadata(\]?)\[[^\]]+\]$", r"metadata\1[*]", _INDEX.sub("[0]", name))
