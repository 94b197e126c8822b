"""What tests ask of Paystack: one charge, a refund and a transfer of it, a recipient."""

from typing import Any

import msgspec

from app.edge.gateways.port import (
    NewCharge,
    NewRefund,
    NewTransfer,
)
from app.edge.gateways.recipients import NewRecipient, RecipientKind
from app.foundation.money import Money

REFUND = "rf-0000000000000001-1"
TRANSFER = "tr-0000000000000001-1"
OF_CHARGE = {"charge_reference": "bk-1"}


def new_charge(reference: str = "bk-1", **changes: Any) -> NewCharge:
    new = NewCharge(
        reference=reference,
        money=Money(amount=500_000, currency="NGN"),
        email="guest@example.com",
        return_url="https://berthold.test/return?booking=1",
        metadata={"booking_id": "1"},
    )
    return msgspec.structs.replace(new, **changes)


def new_refund(reference: str = REFUND, **changes: Any) -> NewRefund:
    new = NewRefund(
        reference=reference,
        charge_reference="bk-1",
        money=Money(amount=200_000, currency="NGN"),
        reason="Booking cancelled",
    )
    return msgspec.structs.replace(new, **changes)


def new_transfer(reference: str = TRANSFER, **changes: Any) -> NewTransfer:
    new = NewTransfer(
        reference=reference,
        charge_reference="bk-1",
        recipient="RCP_1",
        money=Money(amount=900_000, currency="NGN"),
        reason="Bus to Lagos",
    )
    return msgspec.structs.replace(new, **changes)


def new_recipient(**changes: Any) -> NewRecipient:
    new = NewRecipient(
        name="Hannah Host",
        kind=RecipientKind.BANK_ACCOUNT,
        account_number="0001234567",
        bank_code="058",
        currency="NGN",
    )
    return msgspec.structs.replace(new, **changes)
