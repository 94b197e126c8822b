"""Payouts: accounts that money goes to, debts, and what is to be transferred."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import msgspec

from app.gateways.port import GatewayName


class PayoutAccountState(StrEnum):
    PENDING = "pending"  # committed; the gateway may not know of it yet
    ACTIVE = "active"
    REFUSED = "refused"  # the gateway does not know such an account
    REPLACED = "replaced"  # another one took its place
    REMOVED = "removed"


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """A host's share of a pot (`source_id`), in minor units, to be transferred."""

    source_id: UUID
    booking_id: UUID
    payment_id: UUID
    host_id: UUID
    gateway: GatewayName
    amount: int
    currency: str
    reason: str


class Debt(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `host_debts`: what is left of it is `amount - recovered`."""

    id: UUID
    host_id: UUID
    booking_id: UUID
    amount: int
    currency: str
    recovered: int
    reason: str
    created_at: datetime

    @property
    def left(self) -> int:
        return self.amount - self.recovered


class Recovery(msgspec.Struct, frozen=True):
    """What is kept back of one payout towards one debt."""

    debt_id: UUID
    source_id: UUID
    amount: int


class Payee(NamedTuple):
    """Who is paid through which gateway in which currency: what a payout account is for."""

    host_id: UUID
    gateway: GatewayName
    currency: str
