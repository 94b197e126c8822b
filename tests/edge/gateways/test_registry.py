"""Which gateway takes which currency."""

import pytest
from msgspec.structs import replace

from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import (
    CurrencyNotOffered,
    close_gateways,
    gateway_for,
    gateway_named,
    gateway_to_charge,
    open_gateways,
    refused_by_all,
)
from app.foundation.money import Money
from app.foundation.settings import Secret, Settings

SETTINGS = Settings(paystack_secret_keys=(Secret("sk_live_x"),))
BOTH = Settings(paystack_secret_keys=(Secret("sk_live_x"),), stripe_secret_key=Secret("sk_live_y"))


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


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (BOTH, {"NGN": "paystack", "USD": "paystack", "EUR": "stripe"}),
        (replace(BOTH, gateways=("stripe", "paystack")), {"NGN": "stripe", "EUR": "stripe"}),
        (replace(BOTH, paystack_currencies=("NGN",)), {"NGN": "paystack", "USD": "stripe"}),
        (replace(BOTH, stripe_currencies=("EUR",)), {"EUR": "stripe", "GBP": None}),
        (replace(BOTH, gateways=("paystack",)), {"NGN": "paystack", "EUR": None}),
        (replace(BOTH, stripe_secret_key=""), {"NGN": "paystack", "EUR": None}),
    ],
)
async def test_of_several_gateways_the_first_configured_for_a_currency_takes_it(
    settings: Settings, expected: dict[str, str | None]
):
    open_gateways(settings)
    for currency, name in expected.items():
        if name:
            assert gateway_for(currency).name == name
        else:
            with pytest.raises(CurrencyNotOffered):
                gateway_for(currency)
    await close_gateways()


async def test_an_amount_that_the_first_gateway_refuses_goes_to_the_next():
    open_gateways(BOTH)
    small, usual = (Money(amount=amount, currency="USD") for amount in (100, 5_000))
    assert gateway_to_charge(usual).name == "paystack"
    assert gateway_to_charge(small).name == "stripe"
    assert refused_by_all(small) is None
    assert refused_by_all(Money(amount=1, currency="USD"))
    assert gateway_to_charge(Money(amount=1, currency="USD")).name == "paystack"
    open_gateways(replace(BOTH, stripe_currencies=("EUR",)))
    assert refused_by_all(small)
    await close_gateways()
