"""Refunds past the payout: at whose cost, how much at the most, and how a host pays it back."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec

from app.foundation.db import execute, transaction
from app.people.accounts.model import Role
from tests import make
from tests.flows.sending.late_refunds import FARE, another_trip, debts, refund, travelled
from tests.laws import audit_is_clean, take_audit
from tests.money.instructions.progress import follow
from tests.money.payouts.host_views import EMPTY, balance
from tests.shop import Shop

AUDITED = "SELECT after ->> %(what)s FROM audit_log WHERE action = %(action)s ORDER BY id"


async def test_a_refund_at_the_hosts_cost_is_a_debt_that_the_next_payouts_pay(shop: Shop) -> None:
    (booking,) = await travelled(shop, "1A")
    reply = await refund(shop, booking, FARE)
    assert reply.status_code == 201, reply.text
    assert reply.json()["refund"]["state"] == "queued"
    assert await balance(shop) == EMPTY | {"debt": FARE}
    await follow(shop)
    (sent,) = await shop.sandbox.refunds()
    assert sent["amount"] == FARE
    statement = await shop.get(shop.admin, f"/api/admin/ledger/bookings/{booking['id']}")
    assert [(row["kind"], row["what"]) for row in statement["transactions"]][-2:] == [
        ("host_debit", "Taken back from the host"),
        ("refund", "Refunded to the guest"),
    ]
    await another_trip(shop, "1A", "1B")
    transfers = (await shop.get(shop.host, "/api/host/transfers"))["transfers"]
    assert [(each["amount"]["amount"], each["keptBack"]["amount"]) for each in transfers] == [
        (400_000, 50_000),
        (450_000, 0),
    ]
    (debt,) = await debts(shop)
    assert (debt["left"]["amount"], debt["recovered"]["amount"]) == (0, FARE)
    assert debt["bookingId"] == booking["id"]
    assert [kept["amount"]["amount"] for kept in debt["recoveries"]] == [450_000, 50_000]
    assert await shop.values(AUDITED, what="keptBack", action="recover_debt") == ["450000", "50000"]
    divided = await shop.values(AUDITED, what="commission", action="divide_pot")
    assert [msgspec.json.decode(row)["amount"] for row in divided] == [50_000, 50_000, 50_000]
    assert await balance(shop) == EMPTY | {"owed": 400_000, "onItsWay": 400_000}
    await follow(shop)
    assert await balance(shop) == EMPTY
    await audit_is_clean()


async def test_a_refund_at_the_platforms_cost_costs_the_host_nothing(shop: Shop) -> None:
    (booking,) = await travelled(shop, "1A")
    assert (await refund(shop, booking, 60_000, cost="platform")).status_code == 201
    await follow(shop)
    assert await balance(shop) == EMPTY
    assert await debts(shop) == []
    revenue = await shop.count(
        """
        SELECT sum(amount)::bigint
          FROM ledger_entries JOIN ledger_accounts ON ledger_accounts.id = account_id
         WHERE kind = 'platform_revenue'"""
    )
    assert revenue == 50_000 - 60_000
    statement = await shop.get(shop.admin, f"/api/admin/ledger/bookings/{booking['id']}")
    assert [(row["kind"], row["what"]) for row in statement["transactions"]][-2:] == [
        ("platform_debit", "Given back at the platform's cost"),
        ("refund", "Refunded to the guest"),
    ]
    await audit_is_clean()


async def test_money_that_is_still_held_cannot_be_refunded_past_the_payout(shop: Shop) -> None:
    held = await shop.reserve("1A")
    assert (await refund(shop, held, 1)).json()["code"] == "still_held"
    await shop.paid(held)
    assert (await refund(shop, held, 1)).json()["code"] == "still_held"
    assert await shop.count("SELECT count(*) FROM instructions") == 0


async def test_a_deposit_that_is_held_cannot_be_refunded_past_the_payout(shop: Shop) -> None:
    booking = await shop.sleep_over()
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"], past=timedelta(hours=1, seconds=1))
    assert await shop.sweep("release-escrow") == 1
    too_much = await refund(shop, booking, 4_000_001)
    assert too_much.json()["code"] == "refund_exceeds_charge"
    assert "40,000.00 NGN is left" in too_much.json()["detail"]
    assert (await refund(shop, booking, 4_000_000)).status_code == 201
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=2, seconds=1))
    assert await shop.sweep("release-escrow") == 1
    assert await shop.values("SELECT (amount = refunded)::text FROM payments") == ["true"]
    await audit_is_clean()


async def test_ten_partial_late_refunds_at_once_never_exceed_the_charge(shop: Shop) -> None:
    (booking,) = await travelled(shop, "1A")
    replies = await asyncio.gather(*(refund(shop, booking, 120_000) for _ in range(10)))
    statuses = sorted(reply.status_code for reply in replies)
    assert statuses == [201] * 4 + [409] * 6
    assert {r.json()["code"] for r in replies if r.status_code == 409} == {"refund_exceeds_charge"}
    assert await shop.values("SELECT refunded::text FROM payments") == ["480000"]
    assert await balance(shop) == EMPTY | {"debt": 480_000}
    await follow(shop)
    assert sum(sent["amount"] for sent in await shop.sandbox.refunds()) == 480_000
    await audit_is_clean()


async def test_a_late_refund_under_the_same_idempotency_key_is_made_once(shop: Shop) -> None:
    (booking,) = await travelled(shop, "1A")
    first = await refund(shop, booking, 1_000, key="k")
    again = await refund(shop, booking, 1_000, key="k")
    assert first.json() == again.json()
    assert await shop.count("SELECT count(*) FROM late_refunds") == 1


async def test_a_late_refund_of_nonsense_is_refused_with_the_name_of_the_field(shop: Shop) -> None:
    (booking,) = await travelled(shop, "1A")
    wrongs: dict[str, dict[str, Any]] = {
        "amount.amount": {"amount": 0},
        "amount.currency": {"amount": 1, "currency": "GHS"},
        "atWhoseCost": {"amount": 1, "cost": "guest"},
    }
    for field, wrong in wrongs.items():
        reply = await refund(shop, booking, **wrong)
        assert reply.status_code == 422
        assert [error["field"] for error in reply.json()["errors"]] == [field]


async def test_a_late_refund_is_in_the_audit_log_with_its_reason(shop: Shop) -> None:
    (booking,) = await travelled(shop, "1A")
    await refund(shop, booking, 1_000)
    audited = await shop.values(
        "SELECT actor_id || ' ' || reason FROM audit_log WHERE action = 'refund_past_payout'"
    )
    assert audited == [f"{shop.admin.id} The seat was broken"]


async def test_debts_of_one_host_are_not_paid_by_another(shop: Shop) -> None:
    (booking,) = await travelled(shop, "1A")
    await refund(shop, booking, 100_000)
    async with transaction() as tx:
        other = await make.account(tx, Role.HOST)
        trip_id = await make.trip(tx, other)
    journey = await shop.reserve("1A", trip_id=trip_id)
    await shop.paid(journey)
    await shop.forward_to(journey["checkOutAt"], past=timedelta(hours=1, seconds=1))
    await shop.sweep("release-escrow")
    (transfer,) = (await shop.get(other, "/api/host/transfers"))["transfers"]
    assert transfer["amount"]["amount"] == 450_000
    assert (await shop.get(other, "/api/host/debts"))["debts"] == []
    (debt,) = await debts(shop)
    assert debt["left"]["amount"] == 100_000


async def broken() -> set[str]:
    return {found.law.name for found in (await take_audit()).findings if found.is_breach}


async def test_a_late_refund_nobody_bears_breaks_the_law(shop: Shop) -> None:
    (booking,) = await travelled(shop, "1A")
    await refund(shop, booking, 1_000)
    async with transaction() as tx:
        await execute(tx, "DELETE FROM host_debts")
    assert "late_refunds_borne" in await broken()


async def test_a_late_refund_posted_at_the_cost_of_another_breaks_the_law(shop: Shop) -> None:
    (booking,) = await travelled(shop, "1A")
    await refund(shop, booking, 1_000)
    async with transaction() as tx:
        await execute(tx, "SET LOCAL session_replication_role = replica")  # past the triggers
        await execute(
            tx, "UPDATE ledger_transactions SET kind = 'platform_debit' WHERE kind = 'host_debit'"
        )
    assert "late_refunds_borne" in await broken()
