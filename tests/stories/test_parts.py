"""A stay and a trip of two hosts, paid by one charge, whose money others move at the gateway."""

from datetime import timedelta
from typing import Any, NamedTuple

from app.edge.gateways.port import GatewayName
from app.edge.gateways.recipients import NewRecipient, RecipientKind, RecipientReady
from app.edge.gateways.registry import gateway_named
from app.foundation.db import execute, now, transaction
from app.people.accounts.model import Principal, Role
from tests import make
from tests.flows.chargebacks.reports import recovered
from tests.flows.movements.world import books_agree, paid_by_hand, reconciled, settle_down
from tests.money.payees.payout_accounts import make_payee
from tests.shop import Shop

PAYSTACK = GatewayName.PAYSTACK


class Paid(NamedTuple):
    """A booking of the shop's stay and another host's trip, with their hosts' accounts."""

    booking: dict[str, Any]
    payment: dict[str, Any]
    driver: Principal
    account: str  # the driver's

    @property
    def stay(self) -> dict[str, Any]:
        return self.booking["parts"][0]

    @property
    def trip(self) -> dict[str, Any]:
        return self.booking["parts"][1]


async def stay_and_trip(shop: Shop) -> Paid:
    """Two nights in three days, and a seat in thirty."""
    await make_payee(shop)
    recipient = await another_recipient()
    async with transaction() as tx:
        driver = await make.account(tx, Role.GUEST, Role.HOST)
        trip_id = await make.trip(tx, driver, days_ahead=30)
        await execute(
            tx,
            """
            INSERT INTO payout_accounts (id, host_id, gateway, currency, kind, holder,
                                         account_number, bank_code, recipient, state)
            VALUES (%(id)s, %(host_id)s, 'paystack', 'NGN', 'bank_account', 'A Driver',
                    '0009876543', '058', %(recipient)s, 'active')""",
            id=make.new_id(),
            host_id=driver.id,
            recipient=recipient,
        )
        today = (await now(tx)).date()
    nights = {
        "listingId": shop.stay_id,
        "checkIn": today + timedelta(days=3),
        "checkOut": today + timedelta(days=5),
        "unitCount": 1,
    }
    body = {"parts": [nights, {"tripId": trip_id, "seatCount": 1}]}
    reply = await shop.post(shop.guest, "/api/bookings/reserve", body)
    assert reply.status_code == 201, reply.text
    payment = await shop.paid(reply.json())
    return Paid(reply.json(), payment, driver, recipient)


async def another_recipient() -> str:
    """Another bank account in naira than that of the shop's host."""
    ready = await gateway_named(PAYSTACK).create_recipient(
        NewRecipient(
            name="A Driver",
            kind=RecipientKind.BANK_ACCOUNT,
            account_number="0009876543",
            bank_code="058",
            currency="NGN",
        )
    )
    assert isinstance(ready, RecipientReady), ready
    return ready.recipient


async def stay_is_paid_out(shop: Shop) -> Paid:
    """The stay is over: its host has been paid, and its deposit is back."""
    paid = await stay_and_trip(shop)
    await shop.forward_to(paid.stay["checkOutAt"], past=timedelta(hours=3))
    await shop.sweep("release-escrow")
    await settle_down(shop)
    for transfer in await shop.sandbox.transfers():
        await shop.sandbox.end_transfer(transfer["reference"])
    for refund in await shop.sandbox.refunds():
        await shop.sandbox.end_refund(refund["id"])
    await settle_down(shop)
    return paid


async def test_a_charge_is_charged_back_when_one_part_is_paid_out_and_the_other_is_ahead(
    shop: Shop,
) -> None:
    paid = await stay_is_paid_out(shop)
    await books_agree(shop, PAYSTACK)
    chargeback = await shop.sandbox.charge_back(paid.payment["reference"])
    await settle_down(shop)
    await shop.sandbox.close_chargeback(chargeback["id"], "lost")
    await settle_down(shop)
    taken = await recovered(shop)
    assert taken["rental"] == paid.trip["price"]["total"]["amount"]
    assert taken["host"] == await shop.count("SELECT sum(to_host)::bigint FROM pots")
    debts = await shop.get(shop.host, "/api/host/debts")
    assert [debt["bookingId"] for debt in debts["debts"]] == [paid.stay["id"]]
    assert (await shop.get(paid.driver, "/api/host/debts"))["debts"] == []
    trip = await shop.get(paid.driver, f"/api/bookings/{paid.trip['id']}")
    assert trip["state"] == "cancelled"
    await books_agree(shop, PAYSTACK)


async def test_a_refund_at_the_dashboard_comes_out_of_the_part_that_is_held(shop: Shop) -> None:
    paid = await stay_is_paid_out(shop)
    fare = paid.trip["price"]["total"]["amount"]
    await shop.sandbox.act("refunds", charge=paid.payment["reference"], amount=fare - 100)
    await settle_down(shop)
    assert await shop.count("SELECT from_rental FROM taken_in") == fare - 100
    trip = await shop.get(paid.driver, f"/api/bookings/{paid.trip['id']}")
    assert trip["state"] == "confirmed"
    await books_agree(shop, PAYSTACK)


async def test_a_transfer_at_the_dashboard_to_the_second_host_is_ahead_of_that_hosts_part(
    shop: Shop,
) -> None:
    paid = await stay_and_trip(shop)
    await paid_by_hand(shop, PAYSTACK, 5_000, recipient=paid.account)
    assert await reconciled(shop, PAYSTACK) == []
    debts = (await shop.get(paid.driver, "/api/host/debts"))["debts"]
    assert [(debt["bookingId"], debt["amount"]["amount"]) for debt in debts] == [
        (paid.trip["id"], 5_000)
    ]
    assert (await shop.get(shop.host, "/api/host/debts"))["debts"] == []
    await books_agree(shop, PAYSTACK)
