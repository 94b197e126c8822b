"""The gateways that this process has open, and which of them is used for a currency."""

import asyncio
from collections.abc import Callable, Mapping, Sequence, Set
from math import lcm
from typing import Final, NamedTuple

import httpx

from app.edge.gateways.amounts import ANY, AmountRule, Operation
from app.edge.gateways.flutterwave import amounts as flutterwave_amounts
from app.edge.gateways.flutterwave.adapter import Flutterwave
from app.edge.gateways.flutterwave.webhooks import Scheme
from app.edge.gateways.http import Recorder
from app.edge.gateways.paystack import amounts as paystack_amounts
from app.edge.gateways.paystack.adapter import Paystack
from app.edge.gateways.port import Gateway, GatewayName
from app.edge.gateways.retries import Patience
from app.edge.gateways.stripe import amounts as stripe_amounts
from app.edge.gateways.stripe.adapter import Stripe
from app.foundation.errors import Invalid
from app.foundation.money import EXPONENTS, Money
from app.foundation.settings import Settings

_CURRENCIES: Final[Mapping[GatewayName, Callable[[Settings], Sequence[str]]]] = {
    GatewayName.FLUTTERWAVE: lambda settings: settings.flutterwave_currencies,
    GatewayName.PAYSTACK: lambda settings: settings.paystack_currencies,
    GatewayName.STRIPE: lambda settings: settings.stripe_currencies,
}

# Of gateways that are not open too: what was paid through them may still be divided.
_AMOUNTS: Final[Mapping[GatewayName, Callable[[Operation, str], AmountRule | None]]] = {
    GatewayName.FLUTTERWAVE: flutterwave_amounts.rule,
    GatewayName.PAYSTACK: paystack_amounts.rule,
    GatewayName.STRIPE: stripe_amounts.rule,
}


class _Open(NamedTuple):
    """A gateway, and the currencies for which it is used here."""

    gateway: Gateway
    currencies: Set[str]


# They refuse a transfer of a charge's money that is more than the charge.
_TIE_TRANSFERS: Final = frozenset({GatewayName.STRIPE})

_open: Final[dict[GatewayName, _Open]] = {}  # in the order in which they are preferred


class CurrencyNotOffered(Invalid):
    """422: no gateway is used for this currency."""

    title = "This currency cannot be paid in"


class GatewayNotUsed(Invalid):
    """422: the gateway that was asked for is not open, or not used for this currency."""

    title = "This gateway is not used"


def open_gateways(
    settings: Settings,
    *,
    transports: Mapping[GatewayName, httpx.AsyncBaseTransport] | None = None,
    recorder: Recorder | None = None,
    patience_s: float = 0,
) -> None:
    """Open every gateway that the settings name and have keys for. Makes no call yet.

    `transports` replaces the network per gateway: for gateways in this process. `recorder` gets
    each attempt. For `patience_s` seconds a call may be tried again: see `retries`.
    """
    chosen = transports or {}
    patience = Patience(for_s=patience_s, first_wait_s=settings.gateway_retry_seconds)
    _open.clear()
    for name in (GatewayName(name) for name in settings.gateways):
        gateway = _opened(name, settings, chosen.get(name), recorder, patience)
        if gateway:
            only = _CURRENCIES[name](settings)
            offered = gateway.currencies & set(only) if only else gateway.currencies
            _open[name] = _Open(gateway, offered)


def _opened(
    name: GatewayName,
    settings: Settings,
    transport: httpx.AsyncBaseTransport | None,
    recorder: Recorder | None,
    patience: Patience,
) -> Gateway | None:
    """The adapter, if the settings have keys for it."""
    match name:
        case GatewayName.PAYSTACK if settings.paystack_secret_keys:
            return Paystack(
                secret_keys=settings.paystack_secret_keys,
                base_url=settings.paystack_base_url,
                timeout_s=settings.gateway_timeout_seconds,
                transport=transport,
                recorder=recorder,
                patience=patience,
            )
        case GatewayName.FLUTTERWAVE if settings.flutterwave_secret_key:
            return Flutterwave(
                secret_key=settings.flutterwave_secret_key,
                webhook_secrets=settings.flutterwave_webhook_secrets,
                webhook_scheme=Scheme(settings.flutterwave_webhooks),
                base_url=settings.flutterwave_base_url,
                timeout_s=settings.gateway_timeout_seconds,
                transport=transport,
                recorder=recorder,
                patience=patience,
            )
        case GatewayName.STRIPE if settings.stripe_secret_key:
            return Stripe(
                secret_key=settings.stripe_secret_key,
                webhook_secrets=settings.stripe_webhook_secrets,
                base_url=settings.stripe_base_url,
                timeout_s=settings.gateway_timeout_seconds,
                transport=transport,
                recorder=recorder,
                patience=patience,
            )
        case _:
            return None


class Checked(NamedTuple):
    """A gateway that the settings name. `currencies`: those whose charges go to it first.

    `exchanges`: it may settle a charge in another currency, and then pays out what it settled.
    """

    name: GatewayName
    live: bool
    currencies: Sequence[str]
    problems: Sequence[str]
    exchanges: bool = False


async def check_gateways(settings: Settings) -> list[Checked]:
    """Ask each gateway that the settings name whether it would work, by calls that only read."""
    open_gateways(settings)
    try:
        names = [GatewayName(name) for name in settings.gateways]
        return list(await asyncio.gather(*(_checked(name) for name in names)))
    finally:
        await close_gateways()


async def _checked(name: GatewayName) -> Checked:
    if name not in _open:
        return Checked(name, live=False, currencies=(), problems=["its keys are not set"])
    gateway, offered = _open[name]
    first = [currency for currency in sorted(offered) if gateway_for(currency) is gateway]
    return Checked(name, gateway.live, first, await gateway.check(), gateway.exchanges)


async def close_gateways() -> None:
    """Close all gateways' connections; after this no gateway is open."""
    closing = list(_open.values())
    _open.clear()
    for gateway, _ in closing:
        await gateway.close()


def gateway_for(currency: str) -> Gateway:
    """The first gateway that is used for this currency. Raises CurrencyNotOffered."""
    for gateway, currencies in _open.values():
        if currency in currencies:
            return gateway
    raise CurrencyNotOffered.field("currency", f"cannot be paid in: {currency}")


def gateway_to_pay(currency: str, name: GatewayName | None = None) -> Gateway:
    """The gateway that pays out in this currency: the one of this name, or the first.

    Raises CurrencyNotOffered, GatewayNotUsed.
    """
    if name is None:
        return gateway_for(currency)
    if name not in _open:
        raise GatewayNotUsed.field("gateway", f"is not used here: {name}")
    gateway, currencies = _open[name]
    if currency not in currencies:
        raise GatewayNotUsed.field("gateway", f"{name} is not used for {currency} here")
    return gateway


def amounts_of(name: GatewayName, operation: Operation, currency: str) -> AmountRule:
    """The amounts that a gateway takes or pays, whether it is open or not."""
    return _AMOUNTS[name](operation, currency) or ANY


def ties_transfers(name: GatewayName) -> bool:
    """Whether a gateway, open or not, transfers at most its charge when it is asked for a part.

    What a host is to get beyond that is a transfer of its own, from our balance there.
    """
    return name in _TIE_TRANSFERS


def steps_of(currency: str) -> int:
    """The step of which every amount is a multiple that some gateway can charge and pay back.

    Minor units. Of the gateways that are used for this currency; 1 if there is none.
    """
    used = [name for name, each in _open.items() if currency in each.currencies]
    rules = [amounts_of(name, operation, currency) for name in used for operation in Operation]
    return lcm(*(rule.step for rule in rules))


def all_amounts() -> list[dict[str, str | int]]:
    """The rules of all gateways, open or not: a row for each operation and currency."""
    return [
        {
            "gateway": name,
            "operation": operation,
            "currency": currency,
            "step": rule.step,
            "least": rule.least,
        }
        for name, find in _AMOUNTS.items()
        for operation in Operation
        for currency in EXPONENTS
        if (rule := find(operation, currency))
    ]


def check_payable(field: str, money: Money, *, operation: Operation, gateway: GatewayName) -> None:
    """Check that a gateway could pay this amount, which `field` of a request asks for.

    Raises Invalid, which names the nearest amounts that it could pay.
    """
    if reason := amounts_of(gateway, operation, money.currency).refusal(money):
        raise Invalid.field(field, f"cannot be paid by {gateway.title()}: {reason}")


def refused_by_all(money: Money, *, parts: Sequence[int] = ()) -> str | None:
    """Why no open gateway could ever charge this; None if one might, or none is open.

    `parts` are amounts of it that may have to go to different people: see `gateway_to_charge`.
    """
    first: str | None = None
    for each in _open.values():
        if (reason := _refusal(each, money, parts)) is None:
            return None
        first = first or reason
    return first


def unpayable_by_all(part: Money) -> str | None:
    """Why no open gateway could pay such a part of a charge back; None if one might."""
    flaws = [
        amounts_of(each.gateway.name, Operation.REFUND, part.currency).flaw_of_steps(part)
        for each in _open.values()
        if part.currency in each.currencies
    ]
    return flaws[0] if all(flaws) and flaws else None


def gateway_to_charge(
    money: Money, *, parts: Sequence[int] = (), down: Set[GatewayName] = frozenset()
) -> Gateway:
    """The first gateway that is used for this currency, might charge this amount, and is not down.

    It can also pay out each of the `parts` of the amount, down to the last minor unit.

    If all that might charge it are down, the first of them: it may be up again. If all refuse the
    amount, the first that is used for the currency: it says why. Raises CurrencyNotOffered.
    """
    might = [each.gateway for each in _open.values() if _refusal(each, money, parts) is None]
    up = [gateway for gateway in might if gateway.name not in down]
    return next(iter([*up, *might]), None) or gateway_for(money.currency)


def open_names() -> list[GatewayName]:
    """The gateways that are open, in the order in which they are preferred."""
    return list(_open)


def _refusal(opened: _Open, money: Money, parts: Sequence[int]) -> str | None:
    if reason := opened.gateway.refuses(money):
        return reason
    if money.currency not in opened.currencies:
        return f"{opened.gateway.name} is not used for {money.currency} here"
    for amount in parts:
        part = Money(amount, money.currency)
        refunds = amounts_of(opened.gateway.name, Operation.REFUND, money.currency)
        if reason := refunds.flaw_of_steps(part):
            return f"{opened.gateway.name.title()} could not pay a part of it back: {reason}"
    return None


def gateway_named(name: GatewayName) -> Gateway:
    """The gateway of this name. Raises LookupError if the settings have no keys for it."""
    if name not in _open:
        raise LookupError(f"the gateway {name} is not open: are its keys set?")
    return _open[name].gateway
