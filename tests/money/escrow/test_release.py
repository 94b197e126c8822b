"""A booking's money from the charge to its end: held, released, paid out, given back."""

from datetime import timedelta

from tests.money.escrow.pots import pots
from tests.money.instructions.progress import follow, instructions
from tests.money.ledger.books import balances
from tests.money.payees.payout_accounts import make_payee
from tests.shop import Shop


async def test_what_is_paid_is_held_in_two_pots(shop: Shop) -> None:
    booking = await shop.sleep_over()
    await shop.paid(booking)
    assert await pots(shop, booking) == ["rental held", "deposit held"]
    held = await balances()
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
    await make_payee(shop)
    booking = await shop.sleep_over()
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"], past=timedelta(hours=1, seconds=1))
    await shop.sweep("release-escrow")
    assert await instructions(shop) == ["transfer queued 3600000"]
    await follow(shop)
    assert await instructions(shop) == ["transfer confirmed 3600000"]
    assert await pots(shop, booking) == ["rental released", "deposit held"]
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=2, seconds=1))
    await shop.sweep("release-escrow")
    assert await pots(shop, booking) == ["rental released", "deposit refunding"]
    assert await shop.sweep("complete-bookings") == 0
    await follow(shop)
    assert await pots(shop, booking) == ["rental released", "deposit refunded"]
    assert await shop.sweep("complete-bookings") == 1
    assert await shop.state(booking) == "completed"
    left = await balances()
    assert left.keys() == {"gateway_clearing", "gateway_fees", "platform_revenue"}
    assert left["platform_revenue"] == 400_000
    assert sum(left.values()) == 0


async def test_a_host_without_an_account_is_waited_for(shop: Shop) -> None:
    booking = await shop.sleep_over()
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"], past=timedelta(hours=1, seconds=1))
    await shop.sweep("release-escrow")
    assert await instructions(shop) == ["transfer waiting_for_payee 3600000"]
    await make_payee(shop)
    await shop.sweep("resolve-unknown")
    await follow(shop)
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
    await make_payee(shop)
    booking = await shop.sleep_over()
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"], past=timedelta(hours=1, seconds=1))
    await shop.sandbox.fault("transfer", "timeout_after_effect", delay_ms=1)
    await shop.sweep("release-escrow")
    await shop.run_jobs()
    assert await instructions(shop) == ["transfer unknown 3600000"]
    await follow(shop)
    assert await instructions(shop) == ["transfer confirmed 3600000"]
    assert await shop.values("SELECT attempt::text FROM instructions") == ["1"]
