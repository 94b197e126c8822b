"""Whether what an adapter sends is what the gateway's official file allows, to the letter.

`facts/{gateway}.json` has of each call the fields that it may have and must have, with their types,
as the file of its `source` has them. Types: the name of a JSON type; `{}` of more fields; `[…]` of
items; `*` for fields of any name.
"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx

_FOLDER = Path(__file__).with_name("facts")
_TYPES = {
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "object": dict,
    "array": list,
}


_NUMBERS = ("integer", "number")


class Text(str):
    """A value of a form, where all is text, whatever it stands for."""


class Misshapen(Exception):
    """A call that the official file does not allow."""


class Strict(httpx.AsyncBaseTransport):
    """A transport that lets nothing through that is not as the official file has it."""

    def __init__(self, gateway: str, inner: httpx.AsyncBaseTransport) -> None:
        self._calls: list[dict[str, Any]] = json.loads((_FOLDER / f"{gateway}.json").read_text())[
            "calls"
        ]
        self._inner = inner
        self.seen: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = self._call(request)
        check(call, request)
        self.seen.append(f"{call['method']} {call['path']}")
        return await self._inner.handle_async_request(request)

    def _call(self, request: httpx.Request) -> dict[str, Any]:
        for call in self._calls:
            path = re.sub(r"\{[a-z_]+\}", "[^/]+", call["path"])
            if call["method"] == request.method and re.fullmatch(path, request.url.path):
                return call
        raise Misshapen(f"there is no call {request.method} {request.url.path}")


def check(call: dict[str, Any], request: httpx.Request) -> None:
    """Raises Misshapen, naming the field."""
    for header in call.get("headers", []):
        if header not in request.headers:
            raise Misshapen(f"{header} is missing")
    for name, _ in request.url.params.multi_items():
        if name not in call.get("query", []):
            raise Misshapen(f"{name} is no filter of {call['path']}")
    if "fields" not in call:
        if request.content:
            raise Misshapen(f"{call['path']} takes no body")
        return
    given = request.headers.get("content-type", "none")
    if given != call["content_type"]:
        raise Misshapen(f"{given} is not taken")
    body = _read(request)
    for name in call["required"]:
        if name not in body:
            raise Misshapen(f"{name} is missing")
    _check_fields("", call["fields"], body)


def _read(request: httpx.Request) -> dict[str, Any]:
    if request.headers["content-type"] == "application/json":
        return json.loads(request.content)
    return _nested(parse_qsl(request.content.decode(), strict_parsing=True))


def _nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """`a[b][0]=1` is `{"a": {"b": {"0": "1"}}}`: a form does not tell lists from objects."""
    body: dict[str, Any] = {}
    for name, value in pairs:
        *path, last = re.findall(r"[^\[\]]+", name)
        inner = body
        for step in path:
            inner = inner.setdefault(step, {})
        if last in inner:
            raise Misshapen(f"{name} is there twice")
        inner[last] = Text(value)
    return body


def _check_fields(at: str, fields: dict[str, Any], given: dict[str, Any]) -> None:
    for name, value in given.items():
        shape = fields.get(name, fields.get("*"))
        if shape is None:
            raise Misshapen(f"{at}{name} is not known")
        _check_value(f"{at}{name}", shape, value)


def _check_value(at: str, shape: Any, value: Any) -> None:
    match shape, value:
        case dict(), dict():
            _check_fields(f"{at}.", shape, value)
        case [item], dict() | list():
            for index, each in enumerate(_items(at, value)):
                _check_value(f"{at}.{index}", item, each)
        case [*words], str() if len(words) > 1:
            if value not in words:
                raise Misshapen(f"{at} is none of {words}")
        case str(), _:
            if not _fits(shape, value):
                raise Misshapen(f"{at} is no {shape}")
        case _:
            raise Misshapen(f"{at} has another shape")


def _items(at: str, value: dict[str, Any] | list[Any]) -> list[Any]:
    """Of a form a list is an object whose names are the indexes."""
    if isinstance(value, list):
        return value
    if sorted(value) != sorted(str(index) for index in range(len(value))):
        raise Misshapen(f"{at} is not a list")
    return list(value.values())


def _fits(kind: str, value: Any) -> bool:
    if isinstance(value, Text) and kind == "integer":
        return re.fullmatch(r"-?[0-9]+", value) is not None
    if isinstance(value, Text) and kind == "boolean":
        return value in ("true", "false")
    return isinstance(value, _TYPES[kind]) and not (kind in _NUMBERS and isinstance(value, bool))
