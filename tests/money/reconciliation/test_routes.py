"""What admins see and do over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.edge.gateways.port import GatewayName
from app.foundation.db import transaction
from app.money.reconciliation import actions as reconciliation
from app.people.accounts.model import Principal
from tests import make
from tests.money.reconciliation.desk import Desk

PATH = "/api/admin/reconciliation"


@pytest.fixture
def as_admin(api: httpx.AsyncClient, admin: Principal) -> httpx.AsyncClient:
    api.headers.update(make.bearer(admin))
    return api


async def get(api: httpx.AsyncClient, path: str = PATH, **params: Any) -> Any:
    reply = await api.get(path, params=params)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def explain(api: httpx.AsyncClient, id_: str, **body: str) -> httpx.Response:
    return await api.post(f"{PATH}/{id_}/explain", json=body)


async def test_days_show_three_sums_and_what_is_unexplained(
    desk: Desk, as_admin: httpx.AsyncClient
) -> None:
    payment, row = await desk.paid()
    row["amount"] += 5
    desk.lists.charge("order-1", 70)
    await desk.reconcile()
    reply = await get(as_admin)
    [charges] = [day for day in reply["days"] if day["what"] == "charge"]
    assert charges["day"] == f"{datetime.now(UTC):%Y-%m-%d}"
    assert (charges["count"], charges["others"], charges["differences"]) == (1, 1, 1)
    assert charges["atGateway"] == {"amount": payment.amount + 5, "currency": "EUR"}
    assert charges["here"] == charges["inLedger"] == {"amount": payment.amount, "currency": "EUR"}
    assert charges["unexplained"] == {"amount": 5, "currency": "EUR"}
    assert reply["unexplained"] == [{"amount": 5, "currency": "EUR"}]
    assert (await get(as_admin, gateway="paystack"))["days"] == []
    far = await as_admin.get(PATH, params={"from": "2020-01-01", "to": "2026-01-01"})
    assert far.status_code == 422


async def test_differences_are_listed_by_filters_page_by_page(
    desk: Desk, as_admin: httpx.AsyncClient
) -> None:
    for number in range(3):
        desk.lists.change(9_900 + number, "topup")
    _, row = await desk.paid()
    row["status"] = "failed"
    await desk.reconcile()
    path = f"{PATH}/differences"
    first = await get(as_admin, path, limit=3)
    rest = await get(as_admin, path, limit=3, cursor=first["nextCursor"])
    assert len({row["id"] for row in first["differences"] + rest["differences"]}) == 4
    assert rest["nextCursor"] is None
    assert len((await get(as_admin, path, what="change"))["differences"]) == 3
    assert len((await get(as_admin, path, kind="twice"))["differences"]) == 0
    assert len((await get(as_admin, path, state="closed"))["differences"]) == 0
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    assert len((await get(as_admin, path, day=yesterday))["differences"]) == 0
    [one] = (await get(as_admin, path, what="charge"))["differences"]
    assert await get(as_admin, f"{PATH}/{one['id']}") == one


async def test_an_explanation_is_kept_and_audited_and_takes_it_out_of_the_sum(
    desk: Desk, as_admin: httpx.AsyncClient
) -> None:
    desk.lists.change(9_900, "topup")
    await desk.reconcile()
    [difference] = await desk.differences()
    assert (await explain(as_admin, str(difference.id))).status_code == 422
    assert (await explain(as_admin, str(make.new_id()), note="why")).status_code == 404
    reply = await explain(as_admin, str(difference.id), note="we topped it up")
    assert reply.status_code == 200, reply.text
    assert (reply.json()["state"], reply.json()["note"]) == ("explained", "we topped it up")
    assert (await explain(as_admin, str(difference.id), note="again")).status_code == 409
    assert await desk.unexplained() == {}
    assert await desk.count("SELECT count(*) FROM alerts WHERE state <> 'resolved'") == 0
    audits = "SELECT count(*) FROM audit_log WHERE action = 'explain_difference'"
    assert await desk.count(audits) == 1
    await desk.reconcile()
    assert await desk.unexplained() == {}
    assert len(await desk.differences()) == 1


async def test_an_explanation_with_an_account_posts_what_the_ledger_lacks(
    desk: Desk, as_admin: httpx.AsyncClient
) -> None:
    payment, row = await desk.paid(fee=0)
    row["amount"] += 5
    desk.lists.change(9_900, "topup")
    desk.lists.change(-40, "adjustment")
    await desk.reconcile()
    for difference in await desk.differences():
        bad = await explain(as_admin, str(difference.id), note="why", account="host_payable")
        assert bad.status_code == 422
        good = await explain(
            as_admin, str(difference.id), note="found out", account="platform_revenue"
        )
        assert good.status_code == 200, good.text
    assert await desk.balance("gateway_clearing") == -(payment.amount + 5 + 9_900 - 40)
    await desk.reconcile()
    assert await desk.found() == []
    state = "SELECT count(*) FROM differences WHERE explained_at < closed_at"
    assert await desk.count(state) == 3


async def test_what_was_explained_and_changes_is_to_be_explained_anew(
    desk: Desk, as_admin: httpx.AsyncClient
) -> None:
    payment, row = await desk.paid(fee=0)
    for more in (5, 8, 3):
        row["amount"] = payment.amount + more
        await desk.reconcile()
        [difference] = await desk.differences()
        assert difference.explained_at is None
        reply = await explain(as_admin, str(difference.id), note="a test of the gateway's")
        assert reply.status_code == 200, reply.text
        await desk.reconcile()
        assert await desk.unexplained() == {}
    [difference] = await desk.differences()
    reply = await explain(as_admin, str(difference.id), note="again", account="bank")
    assert reply.status_code == 409
    row["amount"] = payment.amount + 4
    await desk.reconcile()
    [difference] = await desk.differences()
    reply = await explain(as_admin, str(difference.id), note="it stays", account="bank")
    assert reply.status_code == 200, reply.text
    await desk.reconcile()
    assert await desk.differences() == []
    assert await desk.balance("bank") == 4


async def test_an_explanation_of_a_fee_posts_it_as_taken_and_makes_no_other_difference(
    desk: Desk, as_admin: httpx.AsyncClient
) -> None:
    payment, row = await desk.paid(fee=300)
    row["balance_transaction"]["fee"] = 320
    await desk.compared()
    [difference] = await desk.differences()
    reply = await explain(
        as_admin, str(difference.id), note="of an agreement", account="platform_revenue"
    )
    assert reply.status_code == 200, reply.text
    assert await desk.balance("gateway_clearing") == -(payment.amount - 320)
    await desk.compared()
    assert await desk.found() == []


async def test_a_fee_that_was_explained_while_a_run_mends_is_not_posted_too(
    desk: Desk, as_admin: httpx.AsyncClient
) -> None:
    desk.lists.change(-500, "stripe_fee")
    await desk.compared()
    async with transaction() as tx:
        [difference] = await reconciliation.begin_mending(tx, GatewayName.STRIPE, only_new=False)
    reply = await explain(
        as_admin, str(difference.id), note="the monthly fee", account="platform_revenue"
    )
    assert reply.status_code == 200, reply.text
    async with transaction() as tx:
        await reconciliation.post_fee(tx, difference)
    assert await desk.balance("gateway_clearing") == 500
    assert await desk.balance("gateway_fees") == 0


async def test_a_run_is_queued_for_a_gateway_and_a_day(
    desk: Desk, as_admin: httpx.AsyncClient
) -> None:
    reply = await as_admin.post(f"{PATH}/run", json={"gateway": "stripe", "day": "2026-01-05"})
    assert reply.status_code == 202, reply.text
    assert reply.json() == {"gateways": ["stripe"], "day": "2026-01-05"}
    reply = await as_admin.post(f"{PATH}/run", json={})
    assert len(reply.json()["gateways"]) == 3
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'reconcile-gateway'"
    assert await desk.count(jobs) == 4
    tomorrow = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    for day in (tomorrow, "0001-01-01", "1999-12-31"):
        refused = await as_admin.post(f"{PATH}/run", json={"day": day})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "day")
    for name in ("from", "to"):
        refused = await as_admin.get(PATH, params={name: "0001-01-01"})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, name)
