"""Chargebacks that gateways do not report: an admin records and closes them."""

from typing import Any

from tests.flows.chargebacks.reports import OPEN, books_are_right, paid_stay, report, state
from tests.shop import Shop
from tests.stories.trips import SHILLINGS, trip_in_shillings

PATH = "/api/admin/chargebacks"
MISMATCHES = "SELECT state FROM alerts WHERE kind = 'chargeback_mismatch'"
ACTIONS = "SELECT action || ' ' || actor_role FROM audit_log WHERE action LIKE '%%_chargeback'"


def request_body(payment: dict[str, Any], **otherwise: Any) -> dict[str, Any]:
    return {
        "paymentId": payment["id"],
        "gatewayId": "CB-77",
        "amount": payment["amount"],
        "reason": "The guest says it was somebody else",
        "evidenceDueAt": "2031-01-01T00:00:00Z",
    } | otherwise


async def test_an_admin_records_and_loses_a_chargeback_that_the_gateway_does_not_report(
    shop: Shop,
) -> None:
    booking = await trip_in_shillings(shop)
    payment = await shop.paid(booking)
    reply = await shop.post(shop.admin, PATH, request_body(payment), key="once")
    assert reply.status_code == 201, reply.text
    again = await shop.post(shop.admin, PATH, request_body(payment), key="once")
    assert again.json() == reply.json()
    twice = await shop.post(shop.admin, PATH, request_body(payment))
    assert twice.json()["code"] == "chargeback_known"
    cancelled = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    assert cancelled.json()["code"] == "charge_contested"
    await books_are_right()
    path = f"{PATH}/{reply.json()['id']}"
    closed = await shop.post(
        shop.admin, f"{path}/close", {"outcome": "lost", "reason": "Says the dashboard"}
    )
    assert closed.status_code == 200, closed.text
    story = closed.json()
    assert story["chargeback"]["recovered"]["rental"]["amount"] == SHILLINGS
    assert [(move["state"], move["actor"]) for move in story["history"]] == [
        ("open", "admin"),
        ("lost", "admin"),
    ]
    late = await shop.post(shop.admin, f"{path}/close", {"outcome": "won", "reason": "Oh"})
    assert (late.status_code, late.json()["code"]) == (409, "move_refused")
    assert sorted(await shop.values(ACTIONS)) == ["lose_chargeback admin", "open_chargeback admin"]
    await books_are_right()


async def test_an_admin_cannot_record_a_chargeback_that_does_not_fit_its_charge(shop: Shop) -> None:
    payment = await shop.paid(await trip_in_shillings(shop))
    wrong = request_body(payment, amount={"amount": SHILLINGS + 1, "currency": "UGX"})
    reply = await shop.post(shop.admin, PATH, wrong)
    assert (reply.status_code, reply.json()["code"]) == (409, "not_the_same")
    unpaid = await shop.pending(await trip_in_shillings(shop))
    reply = await shop.post(shop.admin, PATH, request_body(unpaid))
    assert (reply.status_code, reply.json()["code"]) == (409, "charge_not_paid")
    assert await shop.count("SELECT count(*) FROM chargebacks") == 0


async def test_an_admin_cannot_record_or_close_a_chargeback_that_the_gateway_reports(
    shop: Shop,
) -> None:
    _, payment = await paid_stay(shop)
    reply = await shop.post(shop.admin, PATH, request_body(payment))
    assert (reply.status_code, reply.json()["code"]) == (409, "gateway_tells")
    chargeback = await report(payment, OPEN)
    assert chargeback
    body = {"outcome": "won", "reason": "I think so"}
    reply = await shop.post(shop.admin, f"{PATH}/{chargeback.id}/close", body)
    assert (reply.status_code, reply.json()["code"]) == (409, "gateway_tells")
    assert await state(shop) == "open"


async def test_an_admin_overrules_a_gateway_whose_report_fits_nothing(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    chargeback = await report(payment, OPEN)
    assert chargeback
    assert await report(payment, OPEN, amount=chargeback.amount + 1) is None
    body = {"outcome": "won", "reason": "Says their support", "overrule": True}
    reply = await shop.post(shop.admin, f"{PATH}/{chargeback.id}/close", body)
    assert reply.status_code == 200, reply.text
    assert await state(shop) == "won"
    assert await shop.values(MISMATCHES) == ["resolved"]
    await books_are_right()


async def test_chargebacks_are_listed_by_state_and_page_by_page(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    for number in range(3):
        await report(payment, OPEN, amount=1, gateway_id=f"cb_{number}")
    first = await shop.get(shop.admin, PATH, state="open", limit=2)
    assert [each["gatewayId"] for each in first["chargebacks"]] == ["cb_2", "cb_1"]
    rest = await shop.get(shop.admin, PATH, state="open", limit=2, cursor=first["nextCursor"])
    assert [each["gatewayId"] for each in rest["chargebacks"]] == ["cb_0"]
    assert rest["nextCursor"] is None
    assert (await shop.get(shop.admin, PATH, state="lost"))["chargebacks"] == []
