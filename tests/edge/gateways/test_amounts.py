"""The rules of amounts: what each gateway takes and pays, and what to offer instead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.edge.gateways.amounts import AmountRule, Operation
from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import (
    amounts_of,
    check_payable,
    close_gateways,
    gateway_to_charge,
    open_gateways,
    refused_by_all,
    unpayable_by_all,
)
from app.edge.gateways.stripe import amounts as stripe
from app.foundation.errors import Invalid
from app.foundation.money import EXPONENTS, Money
from tests.edge.gateways.test_registry import BOTH

STEPS = st.sampled_from([1, 10, 50, 100])


@st.composite
def rules(draw: st.DrawFn) -> AmountRule:
    step = draw(STEPS)
    least, most = sorted(draw(st.tuples(st.integers(1, 50), st.integers(1, 5_000))))
    return AmountRule(step=step, least=least * step, most=most * step)


@given(rule=rules(), amount=st.integers(0, 600_000))
def test_the_nearest_amounts_can_be_paid_and_none_between_them_can(
    rule: AmountRule, amount: int
) -> None:
    below = max((a for a in range(rule.least, rule.most + 1, rule.step) if a <= amount), default=0)
    above = min((a for a in range(rule.least, rule.most + 1, rule.step) if a >= amount), default=0)
    assert rule.nearest(amount) == [a for a in dict.fromkeys((below, above)) if a]
    assert rule.pays(amount) == (below == above == amount and amount > 0)
    assert min(rule.share(amount), rule.most) == below
    assert (rule.refusal(Money(amount, "NGN")) is None) == rule.pays(amount)


@pytest.mark.parametrize("name", list(GatewayName))
@pytest.mark.parametrize("currency", sorted(EXPONENTS))
def test_limits_of_each_rule_are_amounts_that_can_be_paid_themselves(
    name: GatewayName, currency: str
) -> None:
    for operation in Operation:
        rule = amounts_of(name, operation, currency)
        assert rule.pays(rule.least)
        assert rule.pays(rule.most)


@pytest.mark.parametrize(
    ("name", "operation", "currency", "step", "least"),
    [
        (GatewayName.STRIPE, Operation.CHARGE, "KWD", 10, 10),
        (GatewayName.STRIPE, Operation.REFUND, "TND", 10, 10),
        (GatewayName.STRIPE, Operation.CHARGE, "EUR", 1, 50),
        (GatewayName.STRIPE, Operation.TRANSFER, "EUR", 1, 1),
        (GatewayName.STRIPE, Operation.CHARGE, "UGX", 1, 1),
        (GatewayName.PAYSTACK, Operation.CHARGE, "NGN", 1, 5_000),
        (GatewayName.PAYSTACK, Operation.CHARGE, "USD", 1, 200),
        (GatewayName.PAYSTACK, Operation.CHARGE, "GHS", 1, 10),
        (GatewayName.PAYSTACK, Operation.CHARGE, "ZAR", 1, 100),
        (GatewayName.PAYSTACK, Operation.CHARGE, "KES", 1, 300),
        (GatewayName.PAYSTACK, Operation.CHARGE, "XOF", 1, 1),
        (GatewayName.PAYSTACK, Operation.TRANSFER, "NGN", 1, 10_000),
        (GatewayName.PAYSTACK, Operation.REFUND, "NGN", 1, 1),
        (GatewayName.FLUTTERWAVE, Operation.TRANSFER, "NGN", 1, 10_000),
        (GatewayName.FLUTTERWAVE, Operation.CHARGE, "UGX", 1, 1),
    ],
)
def test_steps_and_least_amounts_are_those_that_gateways_publish(
    name: GatewayName, operation: Operation, currency: str, step: int, least: int
) -> None:
    rule = amounts_of(name, operation, currency)
    assert (rule.step, rule.least) == (step, least)


@given(currency=st.sampled_from(sorted(EXPONENTS)), amount=st.integers(0, 200_000_000))
def test_what_the_rule_of_stripe_pays_is_what_fits_its_wire(currency: str, amount: int) -> None:
    rule = amounts_of(GatewayName.STRIPE, Operation.REFUND, currency)
    wire = stripe.to_wire(Money(amount, currency))
    assert rule.pays(amount) == (wire is not None and 0 < wire <= 99_999_999)


def test_an_amount_that_could_never_be_paid_is_refused_with_those_that_would_do() -> None:
    def check(amount: int, currency: str, gateway: GatewayName) -> str:
        money = Money(amount, currency)
        with pytest.raises(Invalid) as refused:
            check_payable("amount", money, operation=Operation.REFUND, gateway=gateway)
        assert [error.field for error in refused.value.errors] == ["amount"]
        return refused.value.errors[0].message

    message = check(1_005, "KWD", GatewayName.STRIPE)
    assert message.endswith("1.005 KWD is not a multiple of 0.010 KWD: 1.000 KWD or 1.010 KWD "
                            "would do")  # fmt: skip
    assert check(3, "KWD", GatewayName.STRIPE).endswith("too little: 0.010 KWD would do")
    assert check(0, "NGN", GatewayName.PAYSTACK).endswith("too little: 0.01 NGN would do")


async def test_a_gateway_that_could_not_pay_the_parts_of_a_charge_does_not_take_it() -> None:
    open_gateways(replace(BOTH, gateways=("stripe",)))
    total = Money(20_000, "KWD")
    assert refused_by_all(total, parts=[10_000, 10_000]) is None
    assert "10.010 KWD" in (refused_by_all(total, parts=[10_005, 9_995]) or "")
    assert unpayable_by_all(Money(10_005, "KWD"))
    assert unpayable_by_all(Money(10_010, "KWD")) is None
    assert gateway_to_charge(total, parts=[10_000, 10_000]).name == "stripe"
    await close_gateways()
    assert unpayable_by_all(Money(10_005, "KWD")) is None
