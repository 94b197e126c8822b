"""What Paystack's replies have in common: an envelope, refusals, and some kinds of fields."""

from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypeVar, cast

import msgspec
from msgspec import Meta

from app.gateways.http import Denied
from app.gateways.port import Refused, Unknown
from app.money import AMOUNT_MAX

T = TypeVar("T")

Amount = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
Domain = Literal["test", "live"]
LIVE: Final = "live"
REASON_LENGTH_MAX: Final = 500


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Paystack's own no. `status` (false, or "false") tells it from that of a proxy before it."""

    status: bool | str
    message: str = "no reason given"
    code: str = ""


def read_data(body: Any, kind: type[T]) -> T | None:
    """The `data` of a reply whose `status` says that the call worked."""
    reply = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    return read(reply.get("data"), kind) if reply.get("status") is True else None


def read_refusal(denied: Denied) -> Refusal | None:
    """Why Paystack said no; None if that was not Paystack."""
    return read(denied.body, Refusal)


def read(value: Any, kind: type[T]) -> T | None:
    """The value, if it has the shape of `kind`."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def refused(denied: Denied) -> Refused | Unknown:
    """What a no to a call that should begin something concludes."""
    refusal = read_refusal(denied)
    if refusal is None:
        return Unknown(reason=f"HTTP {denied.status}, but not from Paystack")
    return Refused(reason=f"{refusal.message} (HTTP {denied.status})"[:REASON_LENGTH_MAX])


def is_not_found(denied: Denied, *, code: str) -> bool:
    """Whether Paystack itself says that it has nothing of the reference that was looked up."""
    refusal = read_refusal(denied)
    if refusal is None:
        return False
    return denied.status == HTTPStatus.NOT_FOUND or refusal.code == code


def look_up_refused(denied: Denied) -> Unknown:
    """A wrong key, a blocked address: says nothing about what was looked up."""
    refusal = read_refusal(denied)
    message = refusal.message if refusal else "not from Paystack"
    return Unknown(reason=f"look-up refused: {message} (HTTP {denied.status})"[:REASON_LENGTH_MAX])
