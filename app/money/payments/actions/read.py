"""Read charges, and lock them."""

from uuid import UUID

from app.edge.gateways.port import (
    GatewayName,
)
from app.foundation.db import Tx
from app.money.payments.model import (
    NoSuchPayment,
    Payment,
)
from app.money.payments.queries import charges


async def get(tx: Tx, payment_id: UUID) -> Payment:
    """A charge, not locked. Raises NoSuchPayment."""
    if payment := await charges.find(tx, payment_id):
        return payment
    raise NoSuchPayment(f"There is no payment {payment_id}.")


async def lock(tx: Tx, payment_id: UUID) -> Payment:
    """A charge, locked until the transaction ends: after its booking and pots, as everywhere."""
    return await charges.lock(tx, payment_id)


async def lock_shared(tx: Tx, payment_id: UUID) -> Payment:
    """A charge that nobody changes, nor contests, until the transaction ends; others read it."""
    return await charges.lock_shared(tx, payment_id)


async def references_of_booking(tx: Tx, booking_id: UUID) -> list[str]:
    """The references under which gateways know the charges of a booking."""
    return await charges.references_of_booking(tx, booking_id)


async def find_by_reference(tx: Tx, reference: str) -> Payment | None:
    """The charge that its gateway knows by this reference; None if there is none."""
    return await charges.find_by_reference(tx, reference)


async def find_by_gateway_id(tx: Tx, gateway: GatewayName, gateway_id: str) -> Payment | None:
    """The charge that its gateway has given this id; None if we know of none."""
    return await charges.find_by_gateway_id(tx, gateway, gateway_id)


async def unpaid_ids(tx: Tx, booking_id: UUID) -> list[UUID]:
    """The ids of a booking's charges that are open, or that may be paid on an open page."""
    return await charges.unpaid_ids(tx, booking_id)
