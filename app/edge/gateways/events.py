"""How the bodies of webhooks are read: leniently, for they may be about anything.

An account may serve other products, and gateways add events. What is rightly signed and fits no
shape of ours is an event all the same: one about which nothing is to be done. A gateway switches an
address off that refuses its events for days.
"""

import hashlib
from typing import Any, Final, cast

import msgspec

from app.edge.gateways.port import BadPayload, Event, EventKind

NAME_LENGTH_MAX: Final = 200
_KEY_LENGTH_MAX: Final = 500


def read_json(body: bytes) -> Any:
    """What a body says. Raises BadPayload if it is not JSON: then it did not arrive whole."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadPayload(f"not JSON: {error}") from error


def fields(value: Any) -> dict[str, Any]:
    """The fields of an object; none if it is not one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def text(value: Any, *, length_max: int = NAME_LENGTH_MAX) -> str | None:
    """A name, reference or id, as text; None if it cannot be one of those that we know."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    is_text = isinstance(value, str) and 0 < len(value) <= length_max and value.isprintable()
    return cast("str", value) if is_text else None


def digest(body: bytes) -> str:
    """A hash of a body, for an event whose gateway gives it no id."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def event(
    *,
    key: str,
    name: str,
    kind: EventKind,
    body: bytes,
    reference: str | None = None,
    gateway_id: str | None = None,
) -> Event:
    """An event; if nothing says what it is about, there is nothing to ask about: it is OTHER."""
    is_about = reference is not None or gateway_id is not None
    return Event(
        key=key if len(key) <= _KEY_LENGTH_MAX and key.isprintable() else digest(body),
        name=name,
        kind=kind if is_about else EventKind.OTHER,
        reference=reference if is_about and kind is not EventKind.OTHER else None,
        gateway_id=gateway_id if kind is not EventKind.OTHER else None,
    )


def unreadable(body: bytes) -> Event:
    """An event that has not even a name."""
    return event(key=digest(body), name="unknown", kind=EventKind.OTHER, body=body)
