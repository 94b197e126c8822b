"""Texts of others, made fit to be stored: errors, reasons and names that we did not write.

A gateway, a mail server or a library may say anything, in megabytes, and with characters that no
text of Postgres can hold. Whatever they said, that it was said must not be lost.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

LENGTH_MAX: Final = 500
_FACT_LENGTH_MAX: Final = 2_000


def clip(text: str, length_max: int = LENGTH_MAX) -> str:
    """The beginning of a text, without what Postgres refuses."""
    # A character may take the place of many: what is cut away need not be looked at.
    return _storable(text[: 2 * length_max])[:length_max]


def clip_end(text: str, length_max: int = LENGTH_MAX) -> str:
    """The end of a text, where a traceback says what happened, without what Postgres refuses."""
    return _storable(text[-2 * length_max :])[-length_max:]


def message(error: BaseException, length_max: int = LENGTH_MAX) -> str:
    """The type and the message of an error, even of one whose message cannot be read."""
    try:
        text = f"{type(error).__name__}: {error}".rstrip(": ")
    except Exception:  # noqa: BLE001  the __str__ of any library
        text = type(error).__name__
    return clip(text, length_max)


def clip_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts to be stored as JSON, with every text in them made fit."""
    return {clip(name): _fit(value) for name, value in facts.items()}


def _fit(value: Any) -> Any:
    match value:
        case str():
            return clip(str(value), _FACT_LENGTH_MAX)
        case Mapping():
            return clip_facts(cast("Mapping[str, Any]", value))
        case list() | tuple():
            return [_fit(each) for each in cast("list[Any]", value)]
        case _:
            return value


def _storable(text: str) -> str:
    return text.replace("\x00", "").encode(errors="backslashreplace").decode()
