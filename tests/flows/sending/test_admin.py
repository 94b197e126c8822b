"""What admins see of refunds and transfers, and how they put right what went wrong."""

from datetime import timedelta
from typing import Any

import msgspec

from app.people.accounts.model import Principal
from tests.flows.sending.admins import (
    BECAUSE,
    REFUNDS,
    TRANSFERS,
    act,
    alerts,
    given_up_transfer,
    only_instruction,
    returned_transfer,
    states,
)
from tests.money.escrow.pots import release_fares
from tests.money.instructions.progress import follow
from tests.money.payees.payout_accounts import add_account
from tests.shop import Shop

FIVE_FAILURES = ["queued", *["sending", "failed", "queued"] * 4, "sending", "failed"]


async def test_a_transfer_refused_five_times_raises_an_alert_and_is_given_up(shop: Shop) -> None:
    story = await given_up_transfer(shop)
    assert states(story) == FIVE_FAILURES
    assert story["instruction"]["nextTryAt"] is None
    assert await alerts(shop) == ["instruction_given_up open"]
    assert await shop.sandbox.transfers() == []


async def test_an_admin_retries_a_transfer_to_where_the_host_is_paid_now(shop: Shop) -> None:
    story = await given_up_transfer(shop)
    await add_account(shop, accountNumber="9876543210")
    reply = await act(shop, "retry", story)
    assert (reply.status_code, reply.json()["instruction"]["state"]) == (200, "queued")
    assert (await act(shop, "retry", story)).json()["code"] == "nothing_to_retry"
    await shop.run_jobs()
    held = (await only_instruction(shop))["instruction"]
    assert (held["state"], held["waitsFor"]) == ("queued", "hold")  # the account has just changed
    await shop.forward(timedelta(hours=24, seconds=1))
    await shop.sweep("resolve-unknown")
    await follow(shop)
    assert states(await only_instruction(shop))[-4:] == ["queued", "sending", "sent", "confirmed"]
    assert len(await shop.sandbox.transfers()) == 1
    assert await alerts(shop) == ["instruction_given_up resolved"]
    audited = await shop.values(
        "SELECT reason FROM audit_log WHERE action = 'retry_transfer' AND actor_id = %(id)s",
        id=shop.admin.id,
    )
    assert audited == [BECAUSE["reason"]]


async def test_a_retried_transfer_without_a_payout_account_waits_for_one(shop: Shop) -> None:
    story = await given_up_transfer(shop)
    await shop.values("UPDATE payout_accounts SET state = 'removed' RETURNING id::text")
    reply = await act(shop, "retry", story)
    assert reply.json()["instruction"]["state"] == "waiting_for_payee"


async def test_a_transfer_that_came_back_is_owed_again_and_reissued_once(shop: Shop) -> None:
    story = await returned_transfer(shop)
    assert states(story)[-1] == "reversed"
    assert await alerts(shop) == ["instruction_reversed open"]
    assert await _payable(shop) == 450_000
    reply = await act(shop, "reissue", story)
    assert reply.status_code == 201, reply.text
    again = reply.json()
    assert again["source"] == story["instruction"]["id"]
    assert (await act(shop, "reissue", story)).json()["code"] == "reissued_before"
    assert (await act(shop, "reissue", again)).json()["code"] == "not_reversed"
    await follow(shop)
    assert await _payable(shop) == 0
    assert len(await shop.sandbox.transfers()) == 2
    assert await alerts(shop) == ["instruction_reversed resolved"]
    old = await shop.get(shop.admin, f"{TRANSFERS}/{story['instruction']['id']}")
    assert old["reissuedAs"] == again["instruction"]["id"]
    assert await shop.values("SELECT state FROM pots") == ["released"]


async def _payable(shop: Shop) -> int:
    return await shop.count(
        """
        SELECT coalesce(sum(amount), 0)::bigint
          FROM ledger_entries JOIN ledger_accounts ON ledger_accounts.id = account_id
         WHERE kind = 'host_payable'"""
    )


async def test_a_reissue_under_the_same_idempotency_key_gets_the_same_reply(shop: Shop) -> None:
    story = await returned_transfer(shop)
    path = f"{TRANSFERS}/{story['instruction']['id']}/reissue"
    first = await shop.post(shop.admin, path, BECAUSE, key="k")
    again = await shop.post(shop.admin, path, BECAUSE, key="k")
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert await shop.count("SELECT count(*) FROM instructions") == 2


async def test_a_refund_that_came_back_is_reissued(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.paid(booking)
    assert (await shop.post(shop.host, f"/api/bookings/{booking['id']}/cancel")).is_success
    await follow(shop)
    (refund,) = await shop.sandbox.refunds()
    await shop.sandbox.end_refund(refund["id"], "reverse")
    story = await only_instruction(shop, REFUNDS)
    assert (await act(shop, "look-up", story, REFUNDS)).json()["instruction"]["state"] == "reversed"
    reply = await act(shop, "reissue", story, REFUNDS)
    assert reply.status_code == 201, reply.text
    await follow(shop)
    assert await shop.values("SELECT state FROM instructions ORDER BY id") == [
        "reversed",
        "confirmed",
    ]
    assert await shop.values("SELECT refunded::text FROM payments") == ["500000"]


async def test_refunds_and_transfers_are_filtered_by_kind_state_booking_and_payee(
    shop: Shop,
) -> None:
    await release_fares(shop, "1A", "1B")
    booking_id = (await shop.get(shop.guest, "/api/bookings"))["bookings"][0]["id"]

    async def count(path: str = TRANSFERS, who: Principal = shop.admin, **filters: Any) -> int:
        return len((await shop.get(who, path, **filters))["instructions"])

    assert await count() == 2
    assert await count(REFUNDS) == 0
    assert await count(state="waiting_for_payee") == 2
    assert await count(state="failed") == 0
    assert await count(bookingId=booking_id) == 1
    assert await count(payeeId=str(shop.host.id)) == 2
    assert await count(payeeId=str(shop.guest.id)) == 0
    first = await shop.get(shop.admin, TRANSFERS, limit=1)
    assert await count(limit=1, cursor=first["nextCursor"]) == 1


async def test_a_transfer_is_not_found_among_refunds(shop: Shop) -> None:
    await release_fares(shop, "1A")
    story = await only_instruction(shop)
    for verb in ("retry", "reissue", "look-up"):
        assert (await act(shop, verb, story, REFUNDS)).status_code == 404
    path = f"{REFUNDS}/{story['instruction']['id']}"
    reply = await shop.post(shop.admin, f"{path}/look-up")
    assert reply.json()["code"] == "no_such_instruction_here"


async def test_the_audit_log_records_how_each_attempt_ended(shop: Shop) -> None:
    story = await returned_transfer(shop)
    ends = await shop.values(
        """
        SELECT concat_ws(' ', actor_role, action, before ->> 'state', after ->> 'attempt',
                         after #>> '{amount,amount}')
          FROM audit_log
         WHERE subject_kind = 'transfer' AND subject_id = %(id)s AND action <> 'look_up_transfer'
         ORDER BY id""",
        id=story["instruction"]["id"],
    )
    assert ends[1:] == [
        "system confirm_transfer sent 1 450000",
        "system reverse_transfer confirmed 1 450000",
    ]


async def test_the_audit_log_records_each_failure_and_why(shop: Shop) -> None:
    await given_up_transfer(shop)
    reasons = await shop.values("SELECT reason FROM audit_log WHERE action = 'fail_transfer'")
    assert len(reasons) == 5
    assert all(reasons)


async def test_a_webhook_event_whose_look_up_got_no_answer_is_acted_on_again(shop: Shop) -> None:
    await add_account(shop)
    await release_fares(shop, "1A")
    await follow(shop)
    (sent,) = await shop.sandbox.transfers()
    await shop.sandbox.end_transfer(sent["reference"], "reverse")
    story = await only_instruction(shop)
    assert states(story)[-1] == "confirmed", "nobody else will ask about it"
    event = {
        "event": "transfer.reversed",
        "data": {"id": 1, "reference": sent["reference"], "transfer_code": "TRF_again",
                 "status": "reversed"},
    }  # fmt: skip
    await shop.sandbox.fault("verify_transfer", "error_500", times=20)
    assert (await shop.webhook(msgspec.json.encode(event).decode())).status_code == 200
    await shop.run_jobs()
    events = "SELECT state FROM webhook_events WHERE event_key LIKE %(key)s"
    assert await shop.values(events, key="transfer.reversed:TRF_again%") == ["failed"]
    assert (await only_instruction(shop))["instruction"]["nextTryAt"] is None
    await shop.sandbox.clear_faults()
    await shop.forward(timedelta(minutes=3))
    await shop.sweep("retry-webhooks")
    await shop.run_jobs()
    assert await shop.values(events, key="transfer.reversed:TRF_again%") == ["processed"]
    assert states(await only_instruction(shop))[-1] == "reversed"
