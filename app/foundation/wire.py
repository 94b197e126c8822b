"""Request and reply bodies: their base classes, common field types, and strict decoding."""

import types
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Final, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Meta

from app.foundation.errors import ERRORS_MAX, FieldError, Invalid, Malformed

T = TypeVar("T")

NUL: Final = "\x00"
_ESCAPED_NUL: Final = b"\\u0000"  # the only way to write a NUL in JSON

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
Text = Annotated[str, Meta(max_length=5_000)]
ShortReason = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]
Reason = Annotated[
    str, Meta(min_length=1, max_length=1_000, pattern=r"\S", examples=["The gateway is back"])
]


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Base of every request body. A field that the body does not define is refused, not ignored."""


class Output(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of every reply body."""


class ReasonBody(Input, frozen=True):
    """Why an admin does something. The reason is kept in the audit log."""

    reason: Reason


def decode(raw: bytes, kind: type[T]) -> T:
    """Decode a JSON body strictly: text is not taken for a number, unknown fields are refused.

    Raises Malformed if the body is not JSON, and Invalid with every field that is wrong.
    """
    if _ESCAPED_NUL in raw:
        return _decode_field_by_field(raw, kind)
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_field_by_field(raw, kind)


def _decode_field_by_field(raw: bytes, kind: type[T]) -> T:
    """Decode a body slowly, to find what is wrong with it: msgspec stops at the first fault.

    The work is bounded by what the type allows, not by the body: the outer shape is looked at
    first, a list that is too long is not looked into, and after 20 faults the search ends.
    """
    try:
        given = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"The body must be JSON: {error}.") from error
    errors = list(islice(_errors(given, kind, ""), ERRORS_MAX))
    if errors:
        raise Invalid("; ".join(f"{e.field}: {e.message}" for e in errors[:5]), errors=errors)
    return msgspec.convert(given, kind)


def _errors(given: Any, kind: Any, path: str) -> Iterator[FieldError]:
    """What is wrong with a value of type `kind`: each fault inside it, or else its own."""
    longest = _length_max(kind)
    if isinstance(given, list) and longest is not None and len(cast("list[Any]", given)) > longest:
        yield FieldError(field=path or "body", message=f"expected `array` of length <= {longest}")
        return
    before = None
    for before in _errors_inside(given, _inner_type(kind, given), path):
        yield before
    if before is None:
        try:
            msgspec.convert(given, kind)
        except msgspec.ValidationError as error:
            yield FieldError(field=path or "body", message=_without_path(str(error)))


def _errors_inside(given: Any, kind: Any, path: str) -> Iterator[FieldError]:
    if isinstance(given, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from _struct_errors(cast("dict[str, Any]", given), kind, path)
    elif isinstance(given, list) and get_origin(kind) in (list, tuple):
        for index, item in enumerate(cast("list[Any]", given)):
            yield from _errors(item, get_args(kind)[0], f"{path}[{index}]")
    elif isinstance(given, str) and NUL in given:
        yield FieldError(field=path or "body", message="must not contain a NUL character")


def _struct_errors(
    given: dict[str, Any], kind: type[msgspec.Struct], path: str
) -> Iterator[FieldError]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    inside = f"{path}." if path else ""
    for name, field in fields.items():
        if field.required and name not in given:
            yield FieldError(field=f"{inside}{name}", message="is required")
    if kind.__struct_config__.forbid_unknown_fields:
        for name in given:
            if name not in fields:
                yield FieldError(field=f"{inside}{name}"[:100], message="is not a known field")
    for name, field in fields.items():
        if name in given:
            yield from _errors(given[name], field.type, f"{inside}{name}")


def _inner_type(kind: Any, given: Any) -> Any:
    """The type X of `Annotated[X, …]`, and of `X | None` if the value is not None."""
    if get_origin(kind) is Annotated:
        return _inner_type(get_args(kind)[0], given)
    if get_origin(kind) in (Union, types.UnionType) and given is not None:
        inner = [arg for arg in get_args(kind) if arg not in (type(None), msgspec.UnsetType)]
        return _inner_type(inner[0], given) if len(inner) == 1 else kind
    return kind


def _length_max(kind: Any) -> int | None:
    """The `max_length` of a type such as `Annotated[list[X], Meta(max_length=60)] | None`."""
    lengths = [
        meta.max_length
        for meta in getattr(kind, "__metadata__", ())
        if isinstance(meta, Meta) and meta.max_length is not None
    ]
    inner = get_args(kind)[:1] if get_origin(kind) is Annotated else get_args(kind)
    if get_origin(kind) in (Annotated, Union, types.UnionType):
        lengths += [length for arg in inner if (length := _length_max(arg)) is not None]
    return min(lengths, default=None)


def _without_path(message: str) -> str:
    """msgspec's message without the path, which `field` names already."""
    text = message.split(" - at `", maxsplit=1)[0]
    return text[:1].lower() + text[1:]
