"""Ledgers made by hand: what happened to a host's money at an instant, without bookings."""

from datetime import datetime
from uuid import UUID

from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, fetch_values, transaction
from app.money.ledger.actions import post
from app.money.ledger.model import Account, AccountKind, PostingKind
from app.money.settlements import queries
from app.money.settlements.model import Settlement, SettlementFilter
from app.people.accounts.model import Principal, Role
from tasks.settlements import calculate_settlements
from tests import make, paid
from tests.money.ledger.books import posting

K = AccountKind
LIMIT = 3  # entries at once: few, so that each month takes several steps


async def a_host() -> Principal:
    async with transaction() as tx:
        return await make.account(tx, Role.HOST)


def payable(host: Principal, currency: str = "NGN") -> Account:
    return Account(K.HOST_PAYABLE, currency, owner_id=host.id)


def clearing(currency: str = "NGN") -> Account:
    return Account(K.GATEWAY_CLEARING, currency, gateway=GatewayName.PAYSTACK)


def revenue(currency: str = "NGN") -> Account:
    return Account(K.PLATFORM_REVENUE, currency)


async def earn(
    tx: Tx, host: Principal, amount: int, *, fee: int = 0, guest: int = 0, currency: str = "NGN"
) -> UUID:
    """A rental that was held is divided; returns the pot's id."""
    pot_id = make.new_id()
    escrow = Account(K.ESCROW_RENTAL, currency, owner_id=make.new_id())
    refundable = Account(K.GUEST_REFUNDABLE, currency, owner_id=host.id)
    total = amount + fee + guest
    await post(tx, posting((clearing(currency), -total), (escrow, total)))
    await post(
        tx,
        posting(
            (escrow, -total),
            (refundable, guest),
            (revenue(currency), fee),
            (payable(host, currency), amount),
            kind=PostingKind.DIVISION,
            source_id=pot_id,
        ),
    )
    return pot_id


async def transfer(tx: Tx, host: Principal, amount: int, currency: str = "NGN") -> None:
    await post(
        tx,
        posting(
            (payable(host, currency), -amount),
            (clearing(currency), amount),
            kind=PostingKind.TRANSFER,
        ),
    )


async def at(tx: Tx, moment: datetime) -> None:
    """Business time is this instant, for good."""
    await paid.set_clock(tx, moment)


async def settle_at(moment: datetime) -> int:
    """Run the job at this instant."""
    async with transaction() as tx:
        await at(tx, moment)
    return await calculate_settlements(LIMIT)


async def settlements(host: Principal) -> dict[str, Settlement]:
    """A host's settlements, by month and currency."""
    async with transaction() as tx:
        found = await queries.settlements(
            tx, SettlementFilter(host_id=host.id), before=None, limit=None
        )
    return {f"{each.month:%Y-%m} {each.currency}": each for each in found}


async def closed() -> list[str]:
    async with transaction() as tx:
        return await fetch_values(
            tx,
            str,
            """
            SELECT to_char(month, 'YYYY-MM') FROM settlement_months
             WHERE closed_at IS NOT NULL ORDER BY month""",
        )
