"""The gateways that this process has open, and which of them takes a currency."""

from collections.abc import Mapping
from typing import Final

import httpx

from app.errors import Invalid
from app.gateways.paystack.adapter import Paystack
from app.gateways.port import Gateway, GatewayName
from app.money import Money
from app.settings import Settings

_open: Final[dict[GatewayName, Gateway]] = {}  # in the order in which they are preferred


class CurrencyNotOffered(Invalid):
    """422: no gateway takes this currency."""

    title = "This currency cannot be paid in"


def open_gateways(
    settings: Settings,
    *,
    transports: Mapping[GatewayName, httpx.AsyncBaseTransport] | None = None,
) -> None:
    """Open every gateway that the settings have keys for. Connects to nothing yet.

    `transports` replaces the network per gateway: for gateways in this process.
    """
    chosen = transports or {}
    _open.clear()
    if settings.paystack_secret_keys:
        _open[GatewayName.PAYSTACK] = Paystack(
            secret_keys=settings.paystack_secret_keys,
            base_url=settings.paystack_base_url,
            timeout_s=settings.gateway_timeout_seconds,
            transport=chosen.get(GatewayName.PAYSTACK),
        )


async def close_gateways() -> None:
    """Close their connections; calls after this find no gateway."""
    closing = list(_open.values())
    _open.clear()
    for gateway in closing:
        await gateway.close()


def gateway_for(currency: str) -> Gateway:
    """The gateway that takes this currency. Raises CurrencyNotOffered."""
    for gateway in _open.values():
        if currency in gateway.currencies:
            return gateway
    raise CurrencyNotOffered.field("currency", f"cannot be paid in: {currency}")


def refused_by_all(money: Money) -> str | None:
    """Why no open gateway could ever charge this; None if one might, or none is open to say."""
    reasons = [gateway.refuses(money) for gateway in _open.values()]
    return reasons[0] if all(reasons) and reasons else None


def gateway_named(name: GatewayName) -> Gateway:
    """The gateway of this name. Raises LookupError if the settings have no keys for it."""
    if name not in _open:
        raise LookupError(f"the gateway {name} is not open: are its keys set?")
    return _open[name]
