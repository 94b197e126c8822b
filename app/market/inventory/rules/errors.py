"""Errors by the names that fields have on the wire."""

from collections.abc import Sequence

from app.foundation.errors import FieldError, Invalid


def refuse(errors: Sequence[FieldError]) -> None:
    """Raise Invalid with all errors, if there are any."""
    if errors:
        raise Invalid("; ".join(f"{e.field}: {e.message}" for e in errors[:5]), errors=errors)


def error(field: str, message: str) -> FieldError:
    return FieldError(field=field, message=message)


def wire(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
