"""Vouchers from the code to the host's account: what was paid goes back, and what they cost stays.

At each gateway the books agree with the gateway's to the cent.
"""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.edge.gateways.port import GatewayName
from app.foundation.db import transaction
from app.foundation.money import Money
from app.people.accounts.model import Principal
from tests import make
from tests.flows.chargebacks.reports import LOST, OPEN, report
from tests.flows.movements.world import CURRENCIES, books_agree, reconciled, settle_down
from tests.laws import audit_is_clean
from tests.market.vouchers.made import of_host, of_platform, uses
from tests.money.payees.payout_accounts import account_at_stripe, add_account
from tests.shop import Shop

GATEWAYS = pytest.mark.parametrize("gateway", list(GatewayName))
PRICES = {"EUR": 4_500, "NGN": 500_000, "UGX": 150_000}


async def _trip(shop: Shop, currency: str, **more: Any) -> UUID:
    async with transaction() as tx:
        return await make.trip(tx, shop.host, currency=currency, price=PRICES[currency], **more)


async def _paid_with(
    shop: Shop, gateway: GatewayName, code: str, **more: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A trip at this gateway that was paid with a voucher, and its payment."""
    trip_id = await _trip(shop, CURRENCIES[gateway], **more)
    booking = await shop.reserve("1A", trip_id=trip_id, voucherCode=code)
    payment = await shop.paid(booking)
    assert payment["gateway"] == gateway
    return booking, payment


async def _payee(shop: Shop, gateway: GatewayName) -> None:
    """The host has an account there."""
    if gateway is GatewayName.STRIPE:
        await account_at_stripe(shop)
        return
    is_wallet = gateway is GatewayName.FLUTTERWAVE
    wallet = {"kind": "mobile_money", "bankCode": "MPS", "accountNumber": "256772123456"}
    more: dict[str, Any] = wallet if is_wallet else {}
    reply = await add_account(shop, currency=CURRENCIES[gateway], **more)
    assert reply.status_code == 201, reply.text


async def _released(shop: Shop, booking: dict[str, Any]) -> None:
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=3))
    await shop.sweep("release-escrow")
    await settle_down(shop)


async def _shares(shop: Shop) -> list[str]:
    return await shop.values(
        """
        SELECT concat_ws(' ', amount, voucher, to_guest, commission, to_host, from_voucher)
          FROM pots ORDER BY id"""
    )


async def _cost(shop: Shop) -> int:
    """What vouchers have cost the platform, by the ledger."""
    return await shop.count(
        """
        SELECT -coalesce(sum(amount), 0)::bigint FROM ledger_entries
          JOIN ledger_accounts ON ledger_accounts.id = account_id
         WHERE kind = 'vouchers'"""
    )


async def _post(shop: Shop, who: Principal, booking: dict[str, Any], verb: str) -> Any:
    reply = await shop.post(who, f"/api/bookings/{booking['id']}/{verb}", {})
    assert reply.status_code in (200, 201), reply.text
    return reply.json()


# ---- money ---------------------------------------------------------------------------------------


@GATEWAYS
async def test_a_host_gets_as_much_with_a_voucher_of_the_platform_as_without(
    shop: Shop, gateway: GatewayName
) -> None:
    await _payee(shop, gateway)
    await of_platform(percent_bps=2_000)
    # Others have paid, too: what the platform pays comes out of its balance there.
    other = await shop.reserve("1A", trip_id=await _trip(shop, CURRENCIES[gateway], days_ahead=90))
    await shop.paid(other)
    booking, payment = await _paid_with(shop, gateway, "welcome")
    price = PRICES[CURRENCIES[gateway]]
    assert booking["price"]["discount"]["amount"] == price // 5
    assert payment["amount"]["amount"] == price - price // 5
    await _released(shop, booking)
    assert f"{price * 4 // 5} {price // 5} 0 {price // 10} {price * 9 // 10} {price // 5}" in (
        await _shares(shop)
    )
    assert await _cost(shop) == price // 5
    sent = await shop.values(
        """
        SELECT concat_ws(' ', amount, from_balance, state) FROM instructions
         WHERE booking_id = %(id)s ORDER BY id""",
        id=booking["id"],
    )
    if gateway is GatewayName.STRIPE:
        assert sent == [
            f"{price * 4 // 5} f confirmed",
            f"{price * 9 // 10 - price * 4 // 5} t confirmed",
        ]
    else:
        assert [line.rpartition(" ")[0] for line in sent] == [f"{price * 9 // 10} f"]
    seen = await shop.get(shop.host, f"/api/bookings/{booking['id']}/escrow")
    [pot] = seen["pots"]
    assert len(pot["instructions"]) == len(sent)
    assert pot["shares"]["fromVoucher"]["amount"] == price // 5
    assert await reconciled(shop, gateway) == []
    await books_agree(shop, gateway)


@GATEWAYS
async def test_a_guest_who_gets_half_back_gets_half_of_what_was_paid(
    shop: Shop, gateway: GatewayName
) -> None:
    voucher_id = await of_platform(percent_bps=2_000)
    booking, _ = await _paid_with(shop, gateway, "WELCOME", policy="strict", days_ahead=30)
    await _post(shop, shop.guest, booking, "cancel")
    await settle_down(shop)
    price = PRICES[CURRENCIES[gateway]]
    paid = price * 4 // 5
    rest = paid // 2 + price // 10
    assert await _shares(shop) == [
        f"{paid} {price // 5} {paid // 2} {rest // 10} {rest - rest // 10} {price // 10}"
    ]
    assert await _cost(shop) == price // 10
    assert await uses(voucher_id) == (1, 1)  # the guest has used it up
    await books_agree(shop, gateway)


@GATEWAYS
async def test_a_host_who_cancels_gives_back_what_was_paid_and_the_use(
    shop: Shop, gateway: GatewayName
) -> None:
    voucher_id = await of_platform(percent_bps=2_000, uses_max=1)
    booking, payment = await _paid_with(shop, gateway, "WELCOME")
    assert await uses(voucher_id) == (1, 1)
    await _post(shop, shop.host, booking, "cancel")
    await settle_down(shop)
    seen = await shop.get(shop.guest, "/api/payments/status", reference=payment["reference"])
    assert seen["refunded"] == seen["amount"]
    assert await _cost(shop) == 0
    assert await uses(voucher_id) == (0, 0)
    await books_agree(shop, gateway)


@GATEWAYS
async def test_a_voucher_that_a_host_bears_is_a_lower_price(
    shop: Shop, gateway: GatewayName
) -> None:
    await of_host(shop.host)
    booking, _ = await _paid_with(shop, gateway, "HOST-10")
    await _released(shop, booking)
    paid = PRICES[CURRENCIES[gateway]] * 9 // 10
    assert await _shares(shop) == [f"{paid} 0 0 {paid // 10} {paid - paid // 10} 0"]
    assert await _cost(shop) == 0
    await books_agree(shop, gateway)


async def test_a_dispute_splits_what_was_paid_and_the_voucher_adds_to_the_hosts_part(
    shop: Shop,
) -> None:
    await of_platform()
    booking = await shop.sleep_over(voucherCode="WELCOME")
    assert booking["price"]["discount"]["amount"] == 100_000
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"])
    reply = await shop.post(
        shop.guest, f"/api/bookings/{booking['id']}/disputes", {"reason": "No water"}
    )
    assert reply.status_code == 201, reply.text
    body = {"toGuest": {"amount": 1_000_000, "currency": "NGN"}, "decision": "A part of it"}
    path = f"/api/admin/disputes/{reply.json()['id']}/resolve"
    assert (await shop.post(shop.admin, path, body)).status_code in (200, 201)
    [rental] = await shop.values(
        """
        SELECT concat_ws(' ', amount, to_guest, commission, to_host, from_voucher)
          FROM pots WHERE kind = 'rental'"""
    )
    added = 100_000 * 2_900_000 // 3_900_000
    rest = 2_900_000 + added
    assert rental == f"3900000 1000000 {rest // 10} {rest - rest // 10} {added}"
    await audit_is_clean()


async def test_the_deposit_is_never_discounted(shop: Shop) -> None:
    await of_platform(amount=Money(3_960_000, "NGN"))
    booking = await shop.sleep_over(voucherCode="WELCOME")
    assert booking["price"]["deposit"]["amount"] == 500_000
    assert booking["price"]["total"]["amount"] == 540_000
    assert booking["terms"]["voucher"] == "Welcome"
    await shop.paid(booking)
    assert await shop.values("SELECT concat(kind, ' ', amount) FROM pots ORDER BY id") == [
        "rental 40000",
        "deposit 500000",
    ]
    await audit_is_clean()


@pytest.mark.parametrize("is_released", [False, True])
@GATEWAYS
async def test_a_chargeback_takes_no_more_than_was_paid(
    shop: Shop, gateway: GatewayName, is_released: bool
) -> None:
    await of_platform(percent_bps=2_000)
    booking, payment = await _paid_with(shop, gateway, "WELCOME")
    if is_released:
        await _released(shop, booking)
    await report(payment, OPEN)
    await audit_is_clean()
    await report(payment, LOST)
    await audit_is_clean()
    price = PRICES[CURRENCIES[gateway]]
    assert await _cost(shop) == (price // 5 if is_released else 0)
    taken = await shop.count("SELECT from_rental + from_transfers + loss FROM chargebacks")
    assert taken == payment["amount"]["amount"]


async def test_a_transfer_from_our_balance_is_tried_again_until_there_is_a_balance(
    shop: Shop,
) -> None:
    await account_at_stripe(shop)
    await of_platform(percent_bps=5_000)
    booking, _ = await _paid_with(shop, GatewayName.STRIPE, "WELCOME")
    await _released(shop, booking)
    [pot] = (await shop.get(shop.host, f"/api/bookings/{booking['id']}/escrow"))["pots"]
    assert [each["state"] for each in pot["instructions"]] == ["confirmed", "failed"]
    assert pot["state"] == "releasing"
    await audit_is_clean()
    await shop.sandbox.top_up(10_000, "EUR", "stripe")
    await shop.forward(timedelta(hours=2))
    await shop.sweep("retry-failed-transfers")
    await settle_down(shop)
    [pot] = (await shop.get(shop.host, f"/api/bookings/{booking['id']}/escrow"))["pots"]
    assert [each["state"] for each in pot["instructions"]] == ["confirmed", "confirmed"]
    assert pot["state"] == "released"
    await audit_is_clean()


# ---- uses ----------------------------------------------------------------------------------------


async def test_of_a_hundred_guests_at_once_ten_get_a_voucher_for_ten_and_holds_that_end_give_back(
    shop: Shop,
) -> None:
    voucher_id = await of_platform(uses_max=10)
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, seats=120)
        guests = [await make.account(tx) for _ in range(100)]

    async def reserve(guest: Principal) -> httpx.Response:
        body = {"tripId": trip_id, "seatCount": 1, "voucherCode": "WELCOME"}
        return await shop.post(guest, "/api/bookings/reserve", body)

    replies = await asyncio.gather(*(reserve(guest) for guest in guests))
    assert Counter(reply.status_code for reply in replies) == {201: 10, 409: 90}
    assert {each.json()["code"] for each in replies if each.status_code == 409} == {
        "voucher_used_up"
    }
    assert await uses(voucher_id) == (10, 10)
    assert await shop.count("SELECT count(*) FROM claims") == 10
    await audit_is_clean()
    await shop.forward(timedelta(minutes=16))  # and no sweep has been there
    again = await asyncio.gather(*(reserve(guest) for guest in guests[:30]))
    assert Counter(reply.status_code for reply in again) == {201: 10, 409: 20}
    await audit_is_clean()
    assert await shop.sweep("expire-holds") == 10
    assert await uses(voucher_id) == (10, 10)
    await audit_is_clean()


async def test_one_guest_at_once_gets_a_voucher_once(shop: Shop) -> None:
    voucher_id = await of_platform(once_per_guest=True)
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, seats=20)

    async def reserve() -> httpx.Response:
        body = {"tripId": trip_id, "seatCount": 1, "voucherCode": "WELCOME"}
        return await shop.post(shop.guest, "/api/bookings/reserve", body)

    replies = await asyncio.gather(*(reserve() for _ in range(15)))
    assert Counter(reply.status_code for reply in replies) == {201: 1, 409: 14}
    assert await uses(voucher_id) == (1, 1)
    await audit_is_clean()


async def test_a_hold_that_expires_gives_its_use_back_and_what_is_paid_late_takes_it_again(
    shop: Shop,
) -> None:
    voucher_id = await of_platform(uses_max=1)
    booking = await shop.reserve("1A", voucherCode="WELCOME")
    payment = await shop.pending(booking)
    await shop.forward(timedelta(minutes=31))
    await shop.sweep("expire-holds")
    assert await uses(voucher_id) == (0, 0)
    await audit_is_clean()
    await shop.sandbox.pay(payment["reference"])
    await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    assert await shop.state(booking) == "confirmed"
    assert await uses(voucher_id) == (1, 1)
    await audit_is_clean()


async def test_what_is_paid_late_is_given_back_if_others_have_used_the_voucher_up(
    shop: Shop,
) -> None:
    voucher_id = await of_platform(uses_max=1)
    booking = await shop.reserve("1A", voucherCode="WELCOME")
    payment = await shop.pending(booking)
    await shop.forward(timedelta(minutes=31))
    await shop.reserve("1B", who=shop.other, voucherCode="WELCOME")
    await shop.sandbox.pay(payment["reference"])
    await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    assert await shop.state(booking) == "expired"
    seen = await shop.get(shop.guest, "/api/payments/status", reference=payment["reference"])
    assert seen["refunded"] == seen["amount"]
    assert await uses(voucher_id) == (1, 1)
    await audit_is_clean()


async def test_a_guest_who_lets_an_unpaid_hold_go_has_not_used_the_voucher(shop: Shop) -> None:
    voucher_id = await of_platform(uses_max=1)
    booking = await shop.reserve("1A", voucherCode="WELCOME")
    await _post(shop, shop.guest, booking, "cancel")
    assert await uses(voucher_id) == (0, 0)
    await audit_is_clean()


async def test_a_host_who_declines_gives_the_use_back(shop: Shop) -> None:
    voucher_id = await of_platform(percent_bps=1_000)
    trip_id = await _trip(shop, "NGN", request_to_book=True)
    booking = await shop.reserve("1A", trip_id=trip_id, voucherCode="WELCOME")
    await shop.paid(booking)
    assert await uses(voucher_id) == (1, 1)
    await _post(shop, shop.host, booking, "decline")
    assert await uses(voucher_id) == (0, 0)
    await audit_is_clean()


async def test_a_voucher_that_cannot_be_used_is_refused_by_name_and_nothing_is_held(
    shop: Shop,
) -> None:
    await of_platform(code="TRIPS", kind="trip")
    body = {"tripId": shop.trip_id, "seatNumbers": ["1A"], "voucherCode": "NO-SUCH"}
    refused = await shop.post(shop.guest, "/api/bookings/reserve", body)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"field": "voucherCode", "message": "there is no voucher NO-SUCH"}
    ]
    assert await shop.count("SELECT count(*) FROM claims") == 0
    booking = await shop.reserve("1A", voucherCode="trips")
    assert booking["price"]["discount"]["amount"] == 100_000


async def test_a_voucher_for_one_listing_lowers_only_that_part_of_a_booking(shop: Shop) -> None:
    voucher_id = await of_platform(percent_bps=1_000, listing_id=shop.trip_id)
    async with transaction() as tx:
        other = await make.trip(tx, shop.host)
    body = {
        "parts": [
            {"tripId": other, "seatNumbers": ["1A"]},
            {"tripId": shop.trip_id, "seatNumbers": ["1A"]},
        ],
        "voucherCode": "WELCOME",
    }
    reply = await shop.post(shop.guest, "/api/bookings/reserve", body)
    assert reply.status_code == 201, reply.text
    booking = reply.json()
    discounts = [part["price"]["discount"]["amount"] for part in booking["parts"]]
    assert discounts == [0, 50_000]
    assert booking["price"]["discount"]["amount"] == 50_000
    await shop.paid(booking)
    assert await shop.values("SELECT concat(amount, ' ', voucher) FROM pots ORDER BY 1") == [
        "450000 50000",
        "500000 0",
    ]
    assert await uses(voucher_id) == (1, 1)
    await audit_is_clean()


# ---- parts that are given back -------------------------------------------------------------------


@GATEWAYS
async def test_a_seat_that_is_given_back_takes_its_part_of_the_voucher_with_it(
    shop: Shop, gateway: GatewayName
) -> None:
    voucher_id = await of_platform(percent_bps=2_000)
    trip_id = await _trip(shop, CURRENCIES[gateway], policy="strict", days_ahead=30)
    booking = await shop.reserve("1A", "1B", trip_id=trip_id, voucherCode="WELCOME")
    await shop.paid(booking)
    price = PRICES[CURRENCIES[gateway]]
    reply = await shop.post(
        shop.guest, f"/api/bookings/{booking['id']}/give-back", {"units": ["1B"]}
    )
    assert reply.status_code in (200, 201), reply.text
    paid, rest = price * 4 // 5, price * 4 // 10 + price // 10
    given = f"{paid} {price // 5} {paid // 2} {rest // 10} {rest - rest // 10} {price // 10}"
    assert sorted(await _shares(shop)) == sorted([f"{paid} {price // 5}", given])
    assert await uses(voucher_id) == (1, 1)
    await settle_down(shop)
    await books_agree(shop, gateway)
    await _released(shop, booking)
    assert await _cost(shop) == price // 5 + price // 10
    await audit_is_clean()


async def test_nights_given_back_by_the_host_cost_the_voucher_nothing(shop: Shop) -> None:
    await of_platform(percent_bps=3_333)
    booking = await shop.sleep_over(voucherCode="WELCOME")
    await shop.paid(booking)
    reply = await shop.post(
        shop.host, f"/api/bookings/{booking['id']}/give-back", {"lastNights": 1}
    )
    assert reply.status_code in (200, 201), reply.text
    assert await _cost(shop) == 0
    await audit_is_clean()
    await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel", {})
    assert await _cost(shop) == 0
    await audit_is_clean()


async def test_those_who_want_a_seat_and_a_voucher_and_let_them_go_never_wait_for_ever(
    shop: Shop,
) -> None:
    voucher_id = await of_platform(uses_max=3)
    async with transaction() as tx:
        guests = [await make.account(tx) for _ in range(12)]

    async def come_and_go(guest: Principal, seat: str) -> set[int]:
        seen: set[int] = set()
        for _ in range(5):
            body = {"tripId": shop.trip_id, "seatNumbers": [seat, "2A"], "voucherCode": "WELCOME"}
            reply = await shop.post(guest, "/api/bookings/reserve", body)
            seen.add(reply.status_code)
            if reply.status_code == 201:
                path = f"/api/bookings/{reply.json()['id']}/cancel"
                seen.add((await shop.post(guest, path, {})).status_code)
        return seen

    seats = ["1A", "1B", "1C", "1D"]
    seen = await asyncio.gather(
        *(come_and_go(guest, seats[number % 4]) for number, guest in enumerate(guests))
    )
    assert set[int]().union(*seen) == {200, 201, 409}
    assert await uses(voucher_id) == (0, 0)
    await audit_is_clean()
