"""Problems: every refusal that a client can get, in families by HTTP status (RFC 9457)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Self

import msgspec

ERRORS_MAX: Final = 20  # more help nobody, and a reply must not grow with a bad request


class FieldError(msgspec.Struct, frozen=True):
    """One field of a request and what is wrong with it."""

    field: str
    message: str


class Problem(Exception):
    """A refusal with an HTTP status. Subclasses are named after facts: `SeatTaken`, `WindowClosed`.

    Of `errors` the first 20 are kept. `members` are extension members (RFC 9457 §3.2), under the
    names that they have in JSON.
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
        self.errors = tuple(errors[:ERRORS_MAX])
        self.members = dict(members or {})
        self.retry_after_s = retry_after_s

    def inside(self, path: str, **members: Any) -> Self:
        """This problem, of something inside the request: its fields begin with `path`."""
        self.detail = f"{path}{self.detail}" if self.errors else self.detail
        self.errors = tuple(FieldError(f"{path}{each.field}", each.message) for each in self.errors)
        self.members |= members
        return self

    @property
    def code(self) -> str:
        """The class's name in snake case, by which a client program recognises the problem."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()


class Malformed(Problem):
    """400: the request cannot be read at all."""

    status = 400
    title = "The request cannot be read"


class Invalid(Problem):
    """422: the request can be read, but some fields are wrong; `errors` names each of them."""

    status = 422
    title = "Some fields are not valid"

    @classmethod
    def field(cls, name: str, message: str) -> Self:
        return cls(f"{name}: {message}", errors=[FieldError(field=name, message=message)])


class Unauthenticated(Problem):
    """401: it is not known who sent the request."""

    status = 401
    title = "You are not logged in"


class Forbidden(Problem):
    """403: it is known who sent the request, and that account may not do this."""

    status = 403
    title = "You may not do this"


class NotFound(Problem):
    """404: there is no such thing, or the account may not know of it."""

    status = 404
    title = "Not found"


class Conflict(Problem):
    """409: the current state does not allow the request."""

    status = 409
    title = "This conflicts with the current state"


class GatewayTrouble(Problem):
    """502: a payment gateway failed, or gave an answer that cannot be used."""

    status = 502
    title = "The payment gateway had a problem"


class Unavailable(Problem):
    """503: the service cannot answer at this moment. The client may try again."""

    status = 503
    title = "The service is unavailable for a moment"
