"""Runs: lists that change while they are read, that break off, and that two read at once."""

import asyncio
from datetime import timedelta

import pytest

from app.foundation.db import execute, transaction
from app.money.payments.model import GatewayUnclear
from app.money.reconciliation.queries import differences
from app.money.reconciliation.rules import FOR_A_PERSON
from tasks.operations import cleanup
from tests.money.reconciliation.desk import STRIPE, Desk
from tests.size import FULL

ROWS = 100_000 if FULL else 1_000
MOVEMENTS = "SELECT count(*) FROM gateway_movements"
FINISHED = "SELECT count(*) FROM reconciliation_runs WHERE finished_at IS NOT NULL"


async def forward(by: timedelta) -> None:
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET movable = true, shift = shift + %(by)s", by=by)


@pytest.mark.timeout(1_200)
async def test_a_row_that_comes_on_two_pages_counts_once_as_it_was_last(desk: Desk) -> None:
    """Each page begins some rows before the end of the one before, and rows change meanwhile."""
    for number in range(ROWS):
        desk.lists.charge(f"order-{number}", 100, status="pending")
    desk.lists.overlap = 7

    def end(kind: str) -> None:
        """Whatever was listed as pending has succeeded when it is listed again."""
        if kind == "charges":
            for row in desk.lists.listed[-7:]:
                row["status"] = "succeeded"

    desk.lists.before_page = end
    read = await desk.reconcile()
    assert read > ROWS
    assert await desk.count(MOVEMENTS) == ROWS
    twice = read - ROWS
    ended = "SELECT count(*) FROM gateway_movements WHERE state = 'succeeded'"
    assert await desk.count(ended) == twice
    assert await desk.count("SELECT sum(others) FROM reconciliation_hours") == ROWS
    await desk.reconcile()
    assert await desk.count("SELECT sum(others) FROM reconciliation_hours") == ROWS


async def test_rows_that_come_while_a_list_is_read_are_neither_lost_nor_counted_twice(
    desk: Desk,
) -> None:
    for number in range(250):
        desk.lists.charge(f"order-{number}", 100)

    def more(kind: str) -> None:
        if kind == "charges":
            desk.lists.charge("order-new", 100)

    desk.lists.before_page = more
    await desk.reconcile()
    assert await desk.count(MOVEMENTS) == 251  # without those that came after the first page
    desk.lists.before_page = lambda _: None
    await desk.reconcile()
    assert await desk.count(MOVEMENTS) == len(desk.lists.rows["charges"])
    others = "SELECT sum(others) FROM reconciliation_hours"
    assert await desk.count(others) == len(desk.lists.rows["charges"])


async def test_a_run_whose_gateway_fell_silent_goes_on_from_its_page(desk: Desk) -> None:
    for number in range(250):
        desk.lists.charge(f"order-{number}", 100)

    def fall_silent(_: str) -> None:
        desk.lists.down = desk.lists.pages == 2

    desk.lists.before_page = fall_silent
    with pytest.raises(GatewayUnclear, match="page 4, of refunds"):
        await desk.reconcile()
    assert await desk.count(MOVEMENTS) == 250
    assert await desk.count(FINISHED) == 0
    desk.lists.down, desk.lists.pages = False, 10
    await desk.reconcile()
    assert await desk.count(FINISHED) == 2  # the one that stopped, and the new one
    assert desk.lists.pages == 10 + 5 + 8


async def test_a_run_that_died_is_taken_up_once_it_must_have_ended(desk: Desk) -> None:
    for number in range(250):
        desk.lists.charge(f"order-{number}", 100)

    def die(_: str) -> None:
        if desk.lists.pages == 2:
            raise KeyboardInterrupt

    desk.lists.before_page = die
    with pytest.raises(KeyboardInterrupt):
        await desk.reconcile()
    desk.lists.before_page = lambda _: None
    assert await desk.count("SELECT pages FROM reconciliation_runs") == 2
    await desk.reconcile()  # it might be alive still: another run begins
    assert await desk.count(FINISHED) == 1
    await forward(timedelta(minutes=6))
    await desk.reconcile()
    assert await desk.count(FINISHED) == 3
    assert await desk.count(MOVEMENTS) == 250


async def test_a_run_that_cannot_go_on_is_given_up_and_new_ones_finish(desk: Desk) -> None:
    desk.lists.down = True
    for _ in range(8):
        with pytest.raises(GatewayUnclear):
            await desk.reconcile()
    desk.lists.down = False
    await forward(timedelta(days=2))
    await desk.reconcile()
    assert await desk.count(FINISHED) == 1


async def test_a_difference_that_changes_stays_the_same_one_until_it_goes(desk: Desk) -> None:
    row = desk.lists.change(500, "topup")
    await desk.reconcile()
    [first] = await desk.differences()
    row["net"] = 700
    await desk.reconcile()
    [second] = await desk.differences()
    assert (second.id, second.first_seen) == (first.id, first.first_seen)
    assert await desk.unexplained() == {"EUR": 700}
    desk.lists.rows["balance_transactions"].remove(row)
    await desk.reconcile()
    assert await desk.found() == []
    desk.lists.rows["balance_transactions"].append(row)
    await desk.reconcile()  # the same again is another one
    assert await desk.count("SELECT count(*) FROM differences") == 2


async def test_a_difference_that_comes_and_goes_while_a_run_is_under_way_is_closed_by_it(
    desk: Desk,
) -> None:
    payment, row = await desk.paid()

    def change(kind: str) -> None:
        row["amount"] = payment.amount + (5 if kind == "charges" else 0)

    desk.lists.before_page = change
    await desk.reconcile()
    assert await desk.found() == []
    closed = "SELECT at_gateway - in_ledger FROM differences WHERE closed_at IS NOT NULL"
    assert await desk.count(closed) == 5


async def test_what_changed_here_after_it_was_listed_is_no_difference_yet(desk: Desk) -> None:
    async with transaction() as tx:
        payment = await desk.begun(tx)
    row = desk.lists.charge(payment.reference, payment.amount, status="pending")
    settled = False

    async def pay() -> None:
        row["status"] = "succeeded"
        await desk.settle(payment)

    plain = desk.lists.handle_async_request

    async def handle(request):
        nonlocal settled
        reply = await plain(request)
        if "/refunds" in str(request.url) and not settled:
            settled = True
            await pay()
        return reply

    desk.lists.handle_async_request = handle
    await desk.reconcile()
    assert await desk.found() == []
    assert await desk.count("SELECT count(*) FROM differences") == 0


async def test_a_difference_of_an_earlier_day_closes_once_it_is_gone(desk: Desk) -> None:
    payment, row = await desk.paid()
    row["amount"] += 5
    row["created"] -= 3 * 86_400
    await desk.reconcile(hours=96)
    assert len(await desk.found()) == 1
    row["amount"] -= 5
    await desk.reconcile(hours=1)
    assert await desk.found() == []
    sums = "SELECT sum(at_gateway)::bigint FROM reconciliation_hours WHERE what = 'charge'"
    assert await desk.count(sums) == payment.amount


async def test_hours_with_something_unexplained_are_looked_at_again_before_all_others(
    desk: Desk,
) -> None:
    for age, amount in ((3, 100), (2, 200), (1, 300)):
        desk.lists.change(amount, "topup")["created"] -= age * 3_600
    await desk.reconcile()
    admin = await desk.admin()
    found = await desk.differences()
    async with transaction() as tx:
        for each in found:
            if each.at_gateway != 200:
                await differences.explain(tx, each.id, admin_id=admin.id, note="known")
        hours = await differences.open_hours(tx, STRIPE, limit=5)
    assert [hours.index(hour) for hour in sorted(hours)] == [1, 0, 2]


async def test_what_only_a_person_can_mend_takes_no_place_of_what_a_run_can(desk: Desk) -> None:
    _, row = await desk.paid()
    desk.lists.rows["charges"].remove(row)
    desk.lists.change(-40, "stripe_fee")["created"] += 60
    await desk.compared()
    async with transaction() as tx:
        found = await differences.to_mend(tx, STRIPE, but=FOR_A_PERSON, tries_max=1, limit=1)
    assert [(each.what, each.kind) for each in found] == [("change", "missing_here")]
    assert len(await desk.differences()) == 2


async def test_two_runs_at_once_find_each_difference_once(desk: Desk) -> None:
    for _ in range(150):
        desk.lists.change(100, "topup")
    for _ in range(3):
        await desk.paid()
    await asyncio.gather(*(desk.reconcile() for _ in range(4)))
    assert await desk.count(MOVEMENTS) == 153
    assert len(await desk.differences()) == 150
    assert await desk.unexplained() == {"EUR": 150 * 100}
    assert await desk.count("SELECT count(*) FROM differences WHERE closed_at IS NOT NULL") == 0
    count = "SELECT sum(count) FROM reconciliation_hours WHERE what = 'charge'"
    assert await desk.count(count) == 3


async def test_two_runs_at_once_post_a_fee_of_the_gateway_once(desk: Desk) -> None:
    for number in range(20):
        desk.lists.change(-100 - number, "stripe_fee")
    await asyncio.gather(*(desk.reconcile() for _ in range(4)))
    assert await desk.found() == []
    assert await desk.balance("gateway_fees") == -sum(100 + number for number in range(20))


async def test_a_difference_that_may_mend_itself_is_alerted_once_it_has_lasted(desk: Desk) -> None:
    _, row = await desk.paid()
    row["status"] = "failed"
    alerts = "SELECT count(*) FROM alerts WHERE kind = 'difference' AND state = 'open'"
    await desk.reconcile()
    assert await desk.count(alerts) == 0
    await forward(timedelta(minutes=31))
    await desk.reconcile()
    await desk.reconcile()
    assert await desk.count(alerts) == 1
    assert await desk.count("SELECT count FROM alerts WHERE kind = 'difference'") == 1
    row["status"] = "succeeded"
    await desk.reconcile()
    assert await desk.count(alerts) == 0


async def test_what_fits_no_shape_of_ours_is_counted_and_alerted(desk: Desk) -> None:
    desk.lists.charge("order-1", -7)
    await desk.reconcile()
    assert await desk.count("SELECT unreadable FROM reconciliation_runs") == 1
    alerts = "SELECT count(*) FROM alerts WHERE kind = 'unreadable_movement'"
    assert await desk.count(alerts) == 1


async def test_movements_and_runs_are_forgotten_after_13_months(desk: Desk) -> None:
    desk.lists.charge("order-1", 100)
    await desk.reconcile()
    await forward(timedelta(days=390))
    await cleanup(100)
    assert await desk.count(MOVEMENTS) == 1
    await forward(timedelta(days=10))
    await cleanup(100)
    assert await desk.count(MOVEMENTS) == 0
    assert await desk.count("SELECT count(*) FROM reconciliation_runs") == 0
    assert await desk.count("SELECT count(*) FROM reconciliation_hours") == 0
