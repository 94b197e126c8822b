"""Vouchers over HTTP: who makes, lists and ends which."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.foundation.db import fetch_values, now, transaction
from app.people.accounts.model import Principal, Role
from tests import make
from tests.market.listings import fields_of
from tests.shop import Shop


async def _body(**fields: Any) -> dict[str, Any]:
    async with transaction() as tx:
        ends_at = await now(tx) + timedelta(days=30)
    return {"code": "TEN-OFF", "name": "Ten", "percentBps": 1_000, "endsAt": ends_at, **fields}


async def _made(shop: Shop, who: Principal, **fields: Any) -> httpx.Response:
    side = "admin" if Role.ADMIN in who.roles else "host"
    return await shop.post(who, f"/api/{side}/vouchers", await _body(**fields))


async def test_a_host_makes_a_voucher_that_the_host_bears_lists_and_ends_it(shop: Shop) -> None:
    reply = await _made(shop, shop.host, usesMax=3)
    assert reply.status_code == 201, reply.text
    voucher = reply.json()
    assert (voucher["borneBy"], voucher["hostId"]) == ("host", str(shop.host.id))
    assert (voucher["percentBps"], voucher["uses"], voucher["usesMax"]) == (1_000, 0, 3)
    listed = await shop.get(shop.host, "/api/host/vouchers")
    assert listed == {"vouchers": [voucher], "nextCursor": None}
    for _ in range(2):
        ended = await shop.post(shop.host, f"/api/host/vouchers/{voucher['id']}/end")
        assert ended.status_code == 200, ended.text
        assert ended.json()["endedAt"] is not None
    assert await shop.values("SELECT action FROM audit_log WHERE subject_kind = 'voucher'") == [
        "make_voucher",
        "end_voucher",
    ]


async def test_an_admin_sees_and_ends_all_vouchers_and_makes_those_of_the_platform(
    shop: Shop,
) -> None:
    of_host = (await _made(shop, shop.host)).json()
    reply = await _made(shop, shop.admin, code="OURS", hostId=str(shop.host.id), kind="trip")
    assert reply.status_code == 201, reply.text
    ours = reply.json()
    assert (ours["borneBy"], ours["hostId"], ours["kind"]) == (
        "platform",
        str(shop.host.id),
        "trip",
    )
    page = await shop.get(shop.admin, "/api/admin/vouchers", limit=1)
    assert [each["id"] for each in page["vouchers"]] == [ours["id"]]
    rest = await shop.get(shop.admin, "/api/admin/vouchers", limit=1, cursor=page["nextCursor"])
    assert [each["id"] for each in rest["vouchers"]] == [of_host["id"]]
    refused = await shop.post(shop.host, f"/api/host/vouchers/{ours['id']}/end")
    assert refused.status_code == 404
    ended = await shop.post(shop.admin, f"/api/admin/vouchers/{of_host['id']}/end")
    assert ended.json()["endedAt"] is not None


async def test_a_host_sees_no_voucher_of_others(shop: Shop) -> None:
    await _made(shop, shop.host)
    await _made(shop, shop.admin, code="OURS", hostId=str(shop.host.id))
    async with transaction() as tx:
        other = await make.account(tx, Role.HOST)
    assert (await shop.get(other, "/api/host/vouchers"))["vouchers"] == []
    assert len((await shop.get(shop.host, "/api/host/vouchers"))["vouchers"]) == 1


async def test_two_vouchers_cannot_have_one_code(shop: Shop) -> None:
    await _made(shop, shop.host, code="SAME")
    refused = await _made(shop, shop.admin, code="same")
    assert (refused.status_code, refused.json()["code"]) == (409, "code_taken")
    assert refused.json()["errors"][0]["field"] == "code"


async def test_a_repeated_request_makes_one_voucher(shop: Shop) -> None:
    body = await _body()
    first = await shop.post(shop.host, "/api/host/vouchers", body, key="k")
    again = await shop.post(shop.host, "/api/host/vouchers", body, key="k")
    assert first.json() == again.json()
    async with transaction() as tx:
        assert len(await fetch_values(tx, str, "SELECT code FROM vouchers")) == 1


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"percentBps": None}, {"amount"}),
        ({"amount": {"amount": 5, "currency": "NGN"}}, {"percentBps"}),
        ({"percentBps": 9_901}, {"percentBps"}),
        ({"percentBps": None, "amount": {"amount": 0, "currency": "NGN"}}, {"amount.amount"}),
        ({"percentBps": None, "amount": {"amount": 1, "currency": "XXX"}}, {"amount.currency"}),
        (
            {
                "discountMax": {"amount": 1, "currency": "NGN"},
                "least": {"amount": 1, "currency": "EUR"},
            },
            {"least.currency"},
        ),
        ({"endsAt": "2020-01-01T00:00:00Z"}, {"endsAt"}),
        ({"endsAt": "9999-12-31T23:59:59-14:00"}, {"endsAt"}),
        ({"startsAt": "0001-01-01T00:00:00+14:00"}, {"startsAt"}),
        ({"code": "a b"}, {"code"}),
        ({"listingId": str(make.new_id())}, {"listingId"}),
        ({"hostId": str(make.new_id())}, {"hostId"}),
    ],
)
async def test_a_refusal_names_each_field_that_is_wrong(
    shop: Shop, fields: dict[str, Any], named: set[str]
) -> None:
    assert fields_of(await _made(shop, shop.host, **fields)) == named


async def test_a_host_cannot_make_a_voucher_for_a_listing_of_another(shop: Shop) -> None:
    async with transaction() as tx:
        other = await make.account(tx, Role.HOST)
    assert fields_of(await _made(shop, other, listingId=str(shop.stay_id))) == {"listingId"}
    wrong = await _made(shop, shop.host, listingId=str(shop.stay_id), kind="trip")
    assert fields_of(wrong) == {"kind"}
    foreign = {"amount": {"amount": 5, "currency": "EUR"}, "percentBps": None}
    reply = await _made(shop, shop.host, listingId=str(shop.stay_id), **foreign)
    assert fields_of(reply) == {"amount.currency"}
