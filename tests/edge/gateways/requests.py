"""What tests ask of any gateway: a charge, a refund and a transfer, by fixed references."""

from typing import Any

from app.edge.gateways.port import (
    Gateway,
    NewCharge,
    NewRefund,
    NewTransfer,
)
from app.foundation.money import Money
from tests.edge.gateways.adapters import World

CHARGE = "pay-00000000000000000000000000000001"
REFUND = "rf-00000000000000000000000000000001-1"
TRANSFER = "tr-00000000000000000000000000000001-1"
PRICE = 500_000
BEFORE = ["error_500", "drop", "too_many_requests"]


def charge(world: World, reference: str = CHARGE, amount: int = PRICE) -> NewCharge:
    return NewCharge(
        reference=reference,
        money=Money(amount=amount, currency=world.adapter.currency),
        email="guest@example.com",
        return_url="https://berthold.test/return?page=1",
        metadata={"bookingId": "b-1"},
    )


async def start(world: World, reference: str = CHARGE, **more: Any) -> Any:
    gateway = more.pop("gateway", world.gateway)
    return await gateway.start_charge(charge(world, reference, **more))


async def refund(world: World, reference: str = REFUND, amount: int = 200_000, **more: Any) -> Any:
    gateway: Gateway = more.get("gateway", world.gateway)
    money = Money(amount=amount, currency=world.adapter.currency)
    new = NewRefund(
        reference=reference, charge_reference=CHARGE, money=money, reason="Booking cancelled"
    )
    return await gateway.start_refund(new)


async def transfer(
    world: World, reference: str = TRANSFER, amount: int = 300_000, **more: Any
) -> Any:
    gateway: Gateway = more.get("gateway", world.gateway)
    payee = more.get("recipient") or await world.adapter.payee(world.gateway, world.sandbox)
    new = NewTransfer(
        reference=reference,
        charge_reference=CHARGE,
        recipient=payee,
        money=Money(amount=amount, currency=more.get("currency", world.adapter.currency)),
        reason="Bus to Lagos",
    )
    return await gateway.start_transfer(new)


async def find_refund(world: World, reference: str = REFUND) -> Any:
    return await world.gateway.find_refund(reference, charge_reference=CHARGE)


async def find_transfer(world: World, reference: str = TRANSFER) -> Any:
    return await world.gateway.find_transfer(reference, charge_reference=CHARGE)


def signed(world: World, body: bytes, *, secret: str = "") -> dict[str, str]:
    return world.adapter.dialect(secret or world.adapter.secrets[0]).signed(body)
