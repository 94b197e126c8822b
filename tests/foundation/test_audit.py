"""The audit log: complete, in the same commit as what it records, and never changed."""

import asyncio
from typing import Any, LiteralString
from uuid import UUID, uuid4

import msgspec
import pytest

from app.foundation import audit
from app.foundation.audit import SYSTEM, Actor, ActorRole, Change, Subject
from app.foundation.db import Violated, execute, fetch_all, fetch_value, transaction
from app.people.accounts.model import Principal
from tasks.bookings import decline_unanswered
from tests import make
from tests.shop import Shop


class Row(msgspec.Struct, kw_only=True):
    actor_role: str
    actor_id: UUID | None
    action: str
    subject_kind: str
    subject_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str
    request_id: str | None


async def _rows() -> list[Row]:
    async with transaction() as tx:
        return await fetch_all(
            tx,
            Row,
            """
            SELECT actor_role, actor_id, action, subject_kind, subject_id, before, after, reason,
                   request_id
              FROM audit_log ORDER BY id""",
        )


async def test_an_audit_record_says_who_did_what_to_which_thing_and_why(pool: None) -> None:
    booking_id = make.new_id()
    async with transaction() as tx:
        host = await make.account(tx)
        await audit.record(
            tx,
            by=Actor(ActorRole.HOST, host.id),
            action="cancel_booking",
            subject=Subject("booking", booking_id),
            before={"state": "held", "unitId": 5},
            after={"state": "cancelled", "unitId": None},
            reason="The bus is broken",
        )
    (row,) = await _rows()
    assert row == Row(
        actor_role="host",
        actor_id=host.id,
        action="cancel_booking",
        subject_kind="booking",
        subject_id=str(booking_id),
        before={"state": "held", "unitId": 5},
        after={"state": "cancelled", "unitId": None},
        reason="The bus is broken",
        request_id=None,
    )


async def test_what_is_rolled_back_leaves_no_audit_record(pool: None) -> None:
    async def fail_after_recording() -> None:
        async with transaction() as tx:
            await audit.record(tx, by=SYSTEM, action="try_it", subject=Subject("thing", 1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_after_recording()
    assert await _rows() == []


async def test_audit_records_written_together_keep_their_order(pool: None) -> None:
    changes = [Change(subject=Subject("pot", n), after={"n": n}) for n in range(500)]
    async with transaction() as tx:
        await audit.record_all(tx, by=SYSTEM, action="release_pot", changes=changes)
    rows = await _rows()
    assert [(row.subject_id, row.after, row.before) for row in rows] == [
        (str(n), {"n": n}, None) for n in range(500)
    ]


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET reason = 'other'", "DELETE FROM audit_log"]
)
async def test_an_audit_record_cannot_be_changed_or_deleted(
    pool: None, statement: LiteralString
) -> None:
    async with transaction() as tx:
        await audit.record(tx, by=SYSTEM, action="try_it", subject=Subject("thing", 1))
    with pytest.raises(Violated, match="audit_log_append_only"):
        async with transaction() as tx:
            await execute(tx, statement)


@pytest.mark.parametrize("by", [Actor(ActorRole.ADMIN), Actor(ActorRole.SYSTEM, uuid4())])
async def test_an_audit_record_of_a_person_without_an_id_or_of_the_system_with_one_is_refused(
    pool: None, by: Actor
) -> None:
    with pytest.raises(Violated, match="audit_log_people_are_named"):
        async with transaction() as tx:
            await audit.record(tx, by=by, action="try_it", subject=Subject("thing", 1))


# ---- what is recorded ---------------------------------------------------------------------------


async def _paid(shop: Shop, booking: dict[str, Any]) -> dict[str, Any]:
    payment = await shop.pending(booking)
    await shop.sandbox.pay(payment["reference"])
    await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    return payment


def _facts(row: Row) -> tuple[str, str, dict[str, Any] | None]:
    return row.actor_role, row.action, row.after and {"state": row.after.get("state")}


async def test_the_audit_log_follows_a_payment_from_its_beginning_to_its_end(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await _paid(shop, booking)
    begun, settled = await _rows()
    assert (begun.action, begun.actor_role, begun.actor_id) == (
        "begin_payment",
        "guest",
        shop.guest.id,
    )
    assert begun.after == {
        "state": "created",
        "bookingId": booking["id"],
        "gateway": "paystack",
        "reference": payment["reference"],
        "amount": payment["amount"],
    }
    assert (settled.action, settled.actor_role) == ("settle_payment", "system")
    assert settled.before == {"state": "pending", "amount": payment["amount"]}
    assert settled.after == {"state": "succeeded", "amount": payment["amount"]}
    assert begun.subject_id == settled.subject_id == payment["id"]


async def test_an_admin_who_cancels_is_in_the_audit_log_with_the_refund_and_the_request(
    shop: Shop,
) -> None:
    booking = await shop.reserve("1A")
    payment = await _paid(shop, booking)
    reply = await shop.post(
        shop.admin, f"/api/bookings/{booking['id']}/cancel", {"reason": "Fraud"}
    )
    cancelled, divided, refund = (await _rows())[2:]
    assert (cancelled.action, cancelled.actor_role, cancelled.actor_id, cancelled.reason) == (
        "cancel_booking",
        "admin",
        shop.admin.id,
        "Fraud",
    )
    assert cancelled.before == {"state": "confirmed"}
    assert cancelled.after == {
        "state": "cancelled",
        "refund": payment["amount"],
        "rule": "cancelled by the admin: all comes back",
    }
    assert (divided.action, divided.actor_id) == ("divide_pot", shop.admin.id)
    assert divided.after is not None
    assert divided.after["toGuest"] == payment["amount"]
    assert (refund.action, refund.actor_id) == ("queue_refund", shop.admin.id)
    assert refund.after is not None
    assert (refund.after["bookingId"], refund.after["amount"]) == (
        booking["id"],
        payment["amount"],
    )
    assert cancelled.request_id == refund.request_id == reply.headers["x-request-id"]


async def _requested(shop: Shop, trip_id: UUID, seat: str) -> dict[str, Any]:
    booking = await shop.reserve(seat, trip_id=trip_id)
    await _paid(shop, booking)
    return booking


async def test_a_host_s_answer_and_the_lack_of_one_are_in_the_audit_log(shop: Shop) -> None:
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, request_to_book=True)
    accepted, declined, _ = [await _requested(shop, trip_id, s) for s in ("1A", "1B", "1C")]
    await _answer(shop, shop.host, accepted, "accept")
    await _answer(shop, shop.host, declined, "decline")
    async with transaction() as tx:
        await execute(tx, "UPDATE bookings SET respond_by = business_now()")
    assert await decline_unanswered(10) == 1
    rows = [row for row in await _rows() if row.subject_kind == "booking"]
    assert [_facts(row) for row in rows] == [
        ("host", "accept_booking", {"state": "confirmed"}),
        ("host", "decline_booking", {"state": "declined"}),
        ("system", "decline_booking", {"state": "declined"}),
    ]
    refunds = [row.actor_role for row in await _rows() if row.action == "queue_refund"]
    assert refunds == ["host", "system"]


async def _answer(shop: Shop, who: Principal, booking: dict[str, Any], what: str) -> None:
    reply = await shop.post(who, f"/api/bookings/{booking['id']}/{what}")
    assert reply.status_code == 200, reply.text


async def test_a_refused_request_leaves_no_audit_record(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await _answer(shop, shop.guest, booking, "cancel")
    for who in (shop.guest, shop.host, shop.admin):
        await shop.post(who, f"/api/bookings/{booking['id']}/cancel")
    assert [row.action for row in await _rows()] == ["cancel_booking"]


async def test_ten_settlings_of_a_payment_at_once_leave_one_audit_record(shop: Shop) -> None:
    payment = await shop.pending(await shop.reserve("1A"))
    await shop.sandbox.pay(payment["reference"])
    path = f"/api/payments/{payment['id']}/verify"
    await asyncio.gather(*(shop.post(shop.guest, path) for _ in range(10)))
    assert [row.action for row in await _rows()] == ["begin_payment", "settle_payment"]


async def test_what_a_job_does_is_in_the_audit_log_with_the_job(shop: Shop) -> None:
    payment = await shop.pending(await shop.reserve("1A"))
    await shop.sandbox.pay(payment["reference"])
    await shop.api.get("/api/payments/return", params={"reference": payment["reference"]})
    await shop.run_jobs()
    settled = (await _rows())[-1]
    async with transaction() as tx:
        job_ids = await fetch_value(
            tx, list[str], "SELECT array_agg('job:' || id) FROM procrastinate_jobs"
        )
    assert settled.action == "settle_payment"
    assert settled.request_id in (job_ids or [])
