"""Which gateway takes which currency."""

import pytest

from app.gateways.port import GatewayName
from app.gateways.registry import (
    CurrencyNotOffered,
    close_gateways,
    gateway_for,
    gateway_named,
    open_gateways,
)
from app.settings import Settings

SETTINGS = Settings(paystack_secret_keys=("sk_live_x",))


async def test_a_currency_leads_to_the_gateway_that_takes_it_while_it_is_open():
    open_gateways(SETTINGS)
    assert gateway_for("NGN") is gateway_named(GatewayName.PAYSTACK)
    assert gateway_for("NGN").live
    with pytest.raises(CurrencyNotOffered) as refused:
        gateway_for("EUR")
    assert refused.value.errors[0].field == "currency"
    await close_gateways()
    with pytest.raises(CurrencyNotOffered):
        gateway_for("NGN")
    with pytest.raises(LookupError):
        gateway_named(GatewayName.PAYSTACK)
