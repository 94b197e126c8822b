"""Problems: every refusal that a client can meet, in seven families (RFC 9457)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """One field of a request and what is wrong with it."""

    field: str
    message: str


class Problem(Exception):
    """A refusal with an HTTP status. Subclasses are facts: `SeatTaken`, `WindowClosed`.

    `members` are the extension members of RFC 9457 §3.2, already in the names of the wire.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        members: Mapping[str, Any] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.members = dict(members or {})
        self.retry_after_s = retry_after_s

    @property
    def code(self) -> str:
        """The class's name in snake case: what a client's program switches on."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()


class Malformed(Problem):
    """400: the request cannot be read at all."""

    status = 400
    title = "The request cannot be read"


class Invalid(Problem):
    """422: the request can be read, and some of its fields are wrong; `errors` names each."""

    status = 422
    title = "Some fields are not valid"

    @classmethod
    def field(cls, name: str, message: str) -> Self:
        return cls(f"{name}: {message}", errors=[FieldError(field=name, message=message)])


class Unauthenticated(Problem):
    """401: who is asking is not known."""

    status = 401
    title = "You are not logged in"


class Forbidden(Problem):
    """403: who is asking is known, and may not."""

    status = 403
    title = "You may not do this"


class NotFound(Problem):
    """404: there is no such thing, or none that the asker may know of."""

    status = 404
    title = "Not found"


class Conflict(Problem):
    """409: the state of things does not allow it (now)."""

    status = 409
    title = "This conflicts with the current state"


class GatewayTrouble(Problem):
    """502: a payment gateway did not do its part."""

    status = 502
    title = "The payment gateway had a problem"


class Unavailable(Problem):
    """503: the service cannot answer at this moment; nothing was done."""

    status = 503
    title = "The service is unavailable for a moment"
