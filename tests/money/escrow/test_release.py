"""A booking's money from the charge to its end: held, released, paid out, given back."""

from datetime import timedelta
from typing import Any

import msgspec

from app.edge.gateways.port import GatewayName
from app.edge.gateways.recipients import NewRecipient, RecipientKind, RecipientReady
from app.edge.gateways.registry import gateway_named
from app.foundation.db import execute, fetch_all, transaction
from tests import make
from tests.shop import Shop


class Balance(msgspec.Struct, frozen=True):
    kind: str
    amount: int


async def balances(shop: Shop) -> dict[str, int]:
    """Every account kind's balance that is not zero."""
    async with transaction() as tx:
        rows = await fetch_all(
            tx,
            Balance,
            """
            SELECT kind, sum(amount)::bigint AS amount
              FROM ledger_entries JOIN ledger_accounts ON ledger_accounts.id = account_id
             GROUP BY kind HAVING sum(amount) <> 0""",
        )
    return {row.kind: row.amount for row in rows}


async def payee(shop: Shop) -> None:
    """An active payout account of the host, known at the gateway."""
    ready = await gateway_named(GatewayName.PAYSTACK).create_recipient(
        NewRecipient(
            name="Host Demo",
            kind=RecipientKind.BANK_ACCOUNT,
            account_number="0001234567",
            bank_code="058",
            currency="NGN",
        )
    )
    assert isinstance(ready, RecipientReady), ready
    async with transaction() as tx:
        await execute(
            tx,
            """
            INSERT INTO payout_accounts (id, host_id, gateway, currency, kind, holder,
                                         account_number, bank_code, recipient, state)
            VALUES (%(id)s, %(host_id)s, 'paystack', 'NGN', 'bank_account', 'Host Demo',
                    '0001234567', '058', %(recipient)s, 'active')""",
            id=make.new_id(),
            host_id=shop.host.id,
            recipient=ready.recipient,
        )


async def pots(shop: Shop, booking: dict[str, Any]) -> list[str]:
    return await shop.values(
        "SELECT kind || ' ' || state FROM pots WHERE booking_id = %(id)s ORDER BY kind DESC",
        id=booking["id"],
    )


async def instructions(shop: Shop) -> list[str]:
    return await shop.values(
        "SELECT kind || ' ' || state || ' ' || amount FROM instructions ORDER BY kind, id"
    )


async def settle(shop: Shop) -> None:
    """Let everything that is under way at the gateway come to its end, and be asked about."""
    for _ in range(3):
        await shop.run_jobs()
        await shop.forward(timedelta(minutes=16))
        await shop.sweep("resolve-unknown")
    await shop.run_jobs()


async def test_what_is_paid_is_held_in_two_pots(shop: Shop) -> None:
    booking = await shop.sleep_over()
    await shop.paid(booking)
    assert await pots(shop, booking) == ["rental held", "deposit held"]
    held = await balances(shop)
    assert held["escrow_rental"] == 4_000_000
    assert held["escrow_deposit"] == 500_000
    assert held["gateway_clearing"] == -4_500_000 - held["gateway_fees"]


async def test_nothing_is_released_before_its_window_has_closed(shop: Shop) -> None:
    booking = await shop.sleep_over()
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"], past=timedelta(minutes=59))
    assert await shop.sweep("release-escrow") == 0
    await shop.forward(timedelta(minutes=2))
    assert await shop.sweep("release-escrow") == 1
    assert await pots(shop, booking) == ["rental releasing", "deposit held"]


async def test_a_stay_goes_its_whole_way_to_the_last_cent(shop: Shop) -> None:
    await payee(shop)
    booking = await shop.sleep_over()
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"], past=timedelta(hours=1, seconds=1))
    await shop.sweep("release-escrow")
    assert await instructions(shop) == ["transfer queued 3600000"]
    await settle(shop)
    assert await instructions(shop) == ["transfer confirmed 3600000"]
    assert await pots(shop, booking) == ["rental released", "deposit held"]
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=2, seconds=1))
    await shop.sweep("release-escrow")
    assert await pots(shop, booking) == ["rental released", "deposit refunding"]
    assert await shop.sweep("complete-bookings") == 0
    await settle(shop)
    assert await pots(shop, booking) == ["rental released", "deposit refunded"]
    assert await shop.sweep("complete-bookings") == 1
    assert await shop.state(booking) == "completed"
    left = await balances(shop)
    assert left.keys() == {"gateway_clearing", "gateway_fees", "platform_revenue"}
    assert left["platform_revenue"] == 400_000
    assert sum(left.values()) == 0


async def test_a_host_without_an_account_is_waited_for(shop: Shop) -> None:
    booking = await shop.sleep_over()
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"], past=timedelta(hours=1, seconds=1))
    await shop.sweep("release-escrow")
    assert await instructions(shop) == ["transfer waiting_for_payee 3600000"]
    await payee(shop)
    await shop.sweep("resolve-unknown")
    await settle(shop)
    assert await instructions(shop) == ["transfer confirmed 3600000"]


async def test_a_trip_is_paid_out_an_hour_after_arrival(shop: Shop) -> None:
    booking = await shop.reserve("1A", "1B")
    await shop.paid(booking)
    assert await pots(shop, booking) == ["rental held"]
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=1, seconds=-1))
    assert await shop.sweep("release-escrow") == 0
    await shop.forward(timedelta(seconds=2))
    assert await shop.sweep("release-escrow") == 1
    assert await shop.sweep("complete-bookings") == 1
    assert await shop.state(booking) == "completed"


async def test_an_answer_that_was_lost_is_looked_up_and_never_sent_again(shop: Shop) -> None:
    await payee(shop)
    booking = await shop.sleep_over()
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"], past=timedelta(hours=1, seconds=1))
    await shop.sandbox.fault("transfer", "timeout_after_effect", delay_ms=1)
    await shop.sweep("release-escrow")
    await shop.run_jobs()
    assert await instructions(shop) == ["transfer unknown 3600000"]
    await settle(shop)
    assert await instructions(shop) == ["transfer confirmed 3600000"]
    assert await shop.values("SELECT attempt::text FROM instructions") == ["1"]
