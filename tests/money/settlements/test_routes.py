"""Settlements as hosts and admins see them, over HTTP and in a terminal."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from click.testing import Result

from app.foundation.db import transaction
from app.people.accounts.model import Principal
from tests import make
from tests.command import run
from tests.laws import audit_is_clean
from tests.money.escrow.pots import release_fares
from tests.money.settlements.ledgers import a_host, at, earn, settle_at, transfer
from tests.shop import Shop

OCTOBER_9 = datetime(2026, 10, 9, tzinfo=UTC)
NOVEMBER_1 = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)


async def read(api: httpx.AsyncClient, who: Principal, path: str, **params: Any) -> httpx.Response:
    return await api.get(path, params=params, headers=make.bearer(who))


@pytest.fixture
async def host(api: httpx.AsyncClient) -> Principal:
    """Somebody with a settled October."""
    host = await a_host()
    async with transaction() as tx:
        await at(tx, OCTOBER_9)
        await earn(tx, host, 135_000, fee=15_000)
        await transfer(tx, host, 100_000)
        await earn(tx, host, 1_500, currency="XOF")
    await settle_at(NOVEMBER_1)
    return host


async def own(api: httpx.AsyncClient, host: Principal) -> dict[str, Any]:
    reply = await read(api, host, "/api/host/settlements", currency="NGN")
    (found,) = reply.json()["settlements"]
    return found


async def test_a_host_sees_the_month_and_its_lines(api: httpx.AsyncClient, host: Principal) -> None:
    seen = await own(api, host)
    amounts = {name: each["amount"] for name, each in seen.items() if isinstance(each, dict)}
    assert (seen["month"], seen["currency"], seen["lineCount"]) == ("2026-10", "NGN", 2)
    assert amounts == {
        "carriedOver": 0, "gross": 150_000, "platformFee": 15_000, "gatewayFees": 0,
        "refunds": 0, "chargebacks": 0, "debts": 0, "other": 0, "net": 135_000,
        "paid": 100_000, "balance": 35_000,
    }  # fmt: skip
    path = f"/api/host/settlements/{seen['id']}"
    first = (await read(api, host, path, limit=1)).json()
    second = (await read(api, host, path, limit=1, cursor=first["nextCursor"])).json()
    assert first["settlement"] == seen
    assert [line["what"] for line in first["lines"] + second["lines"]] == [
        "Escrow divided",
        "Paid out to the host",
    ]
    assert second["nextCursor"] is None


async def test_nobody_sees_another_hosts_month(api: httpx.AsyncClient, host: Principal) -> None:
    seen = await own(api, host)
    other = await a_host()
    path = f"/api/host/settlements/{seen['id']}"
    for end in ("", "/csv"):
        assert (await read(api, other, path + end)).status_code == 404
    assert (await read(api, other, "/api/host/settlements")).json()["settlements"] == []


async def test_a_file_of_a_month_has_decimals_and_a_name(
    api: httpx.AsyncClient, host: Principal
) -> None:
    seen = await own(api, host)
    reply = await read(api, host, f"/api/host/settlements/{seen['id']}/csv")
    assert reply.headers["content-type"].startswith("text/csv")
    assert f"settlement-{seen['id']}.csv" in reply.headers["content-disposition"]
    earned, paid = csv.DictReader(io.StringIO(reply.text, newline=""))
    assert (earned["gross"], earned["platform_fee"], earned["net"]) == (
        "1500.00", "150.00", "1350.00",
    )  # fmt: skip
    assert (paid["paid"], paid["net"]) == ("1000.00", "0.00")


async def test_admins_see_all_months_and_a_file_of_each(
    api: httpx.AsyncClient, host: Principal, admin: Principal
) -> None:
    path = "/api/admin/settlements"
    everything = (await read(api, admin, path)).json()["settlements"]
    assert {each["currency"] for each in everything} == {"NGN", "XOF"}
    for wanted, count in (
        ({"month": "2026-10", "currency": "XOF"}, 1),
        ({"month": "2026-09"}, 0),
        ({"hostId": str(host.id)}, 2),
        ({"hostId": str(admin.id)}, 0),
    ):
        found = (await read(api, admin, path, **wanted)).json()["settlements"]
        assert len(found) == count
    first = (await read(api, admin, path, limit=1)).json()
    rest = (await read(api, admin, path, limit=1, cursor=first["nextCursor"])).json()
    assert [*first["settlements"], *rest["settlements"]] == everything
    one = (await read(api, admin, f"{path}/{everything[0]['id']}")).json()
    assert one["settlement"] == everything[0]
    file = await read(api, admin, f"{path}/csv", month="2026-10")
    rows = list(csv.DictReader(io.StringIO(file.text, newline="")))
    assert {(row["currency"], row["gross"]) for row in rows} == {
        ("NGN", "1500.00"),
        ("XOF", "1500"),
    }
    assert (await read(api, admin, f"{path}/{everything[0]['id']}/csv")).status_code == 200


async def test_a_bad_month_is_refused_by_its_name(api: httpx.AsyncClient, admin: Principal) -> None:
    for path in ("", "/csv"):
        reply = await read(api, admin, f"/api/admin/settlements{path}", month="2026-13")
        assert reply.status_code in (400, 422)
        assert reply.json()["errors"][0]["field"] == "month"


async def test_a_terminal_prints_the_last_month(
    api: httpx.AsyncClient,
    host: Principal,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del api

    async def say(*arguments: str) -> Result:
        return await asyncio.to_thread(
            run, monkeypatch, "settlements", *arguments, DATABASE_URL=database_url
        )

    printed = await say()
    assert printed.exit_code == 0, printed.output
    assert "Settlements of 2026-10" in printed.output
    assert f"{host.id}  gross 1,500.00 NGN, platform fee 150.00 NGN" in printed.output
    assert "1 host " in printed.output
    table = await say("2026-10", "--csv")
    assert table.output.startswith("month,host_id,currency")
    nothing = await say("2026-09")
    assert nothing.exit_code == 1
    assert "There are no settlements of 2026-09." in nothing.output


async def test_journeys_that_were_paid_for_are_in_their_hosts_month(shop: Shop) -> None:
    await release_fares(shop, "1A", "1B")
    seen = (await shop.get(shop.host, "/api/host/balance"))["balances"]
    await shop.forward(timedelta(days=31))
    assert await shop.sweep("calculate-settlements") == 1
    (month,) = (await shop.get(shop.host, "/api/host/settlements"))["settlements"]
    assert month["gross"]["amount"] == 1_000_000
    assert month["platformFee"]["amount"] == 100_000
    assert month["net"] == month["balance"] == seen[0]["owed"]
    await audit_is_clean()
