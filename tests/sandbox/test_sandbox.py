"""The sandbox itself: Paystack's wire format, the checkout page, webhooks that do arrive."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.edge.gateways.paystack.adapter import Paystack
from app.sandbox.app import SECRET_KEY, SandboxRefused, create_sandbox
from tests.edge.gateways.paystack_requests import new_charge
from tests.edge.gateways.paystack_wire import paystack
from tests.sandbox.facts import AUTHORIZED, FACTS, TYPES
from tests.sandbox.server import NOWHERE, SandboxHandle, running_sandbox, serving
from tests.sandbox.webhooks import Receiver, all_delivered, eventually

CHARGE = {
    "email": "guest@example.com",
    "amount": 500_000,
    "currency": "NGN",
    "reference": "bk-1",
    "callback_url": "https://berthold.test/return?booking=1",
    "metadata": {"cancel_action": "https://berthold.test/left"},
}


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxHandle]:
    async with running_sandbox() as handle:
        yield handle


async def initialize(sandbox: SandboxHandle, **changes: Any) -> httpx.Response:
    body = {k: v for k, v in {**CHARGE, **changes}.items() if v is not None}
    return await sandbox.client.post("/transaction/initialize", json=body, headers=AUTHORIZED)


async def checkout(sandbox: SandboxHandle, **changes: Any) -> str:
    response = await initialize(sandbox, **changes)
    return response.json()["data"]["authorization_url"]


async def test_what_the_adapter_sends_is_what_the_official_file_allows():
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(500)

    await paystack(httpx.MockTransport(answer)).start_charge(new_charge())
    body = json.loads(sent[0].content)
    assert sent[0].method == "POST"
    assert sent[0].url.path == "/transaction/initialize"
    assert sent[0].headers["authorization"] == f"Bearer {SECRET_KEY}"
    assert sent[0].headers["content-type"] == "application/json"
    known = FACTS["initialize"]["properties"]
    assert set(body) <= set(known)
    assert set(body) >= set(FACTS["initialize"]["required"])
    assert {name: type(value) for name, value in body.items()} == {
        name: TYPES[known[name]] for name in body
    }


async def test_the_sandbox_tells_every_field_that_the_official_file_requires(
    sandbox: SandboxHandle,
):
    started = (await initialize(sandbox)).json()
    assert set(started["data"]) == set(FACTS["initialized"]["required"])
    await sandbox.pay("bk-1")
    path = "/transaction/verify/bk-1"
    told = (await sandbox.client.get(path, headers=AUTHORIZED)).json()["data"]
    assert set(told) == set(FACTS["verified"]["required"])
    for name, kind in FACTS["verified"]["types"].items():
        assert isinstance(told[name], TYPES[kind]), name


async def test_errors_have_the_official_bodies(sandbox: SandboxHandle):
    await initialize(sandbox)
    duplicate = await initialize(sandbox)
    official = {k: v for k, v in FACTS["duplicate"].items() if k != "errorCodeMappingNotFound"}
    assert (duplicate.status_code, duplicate.json()) == (400, official)

    missing = await initialize(sandbox, email=None, reference="bk-2")
    assert (missing.status_code, missing.json()["code"]) == (400, "missing_params")

    wrong = await sandbox.client.get(
        "/transaction/verify/bk-1", headers={"Authorization": "Bearer sk_test_wrong"}
    )
    assert (wrong.status_code, wrong.json()) == (401, FACTS["unauthorized"])

    unseen = await sandbox.client.get("/transaction/verify/bk-9", headers=AUTHORIZED)
    assert (unseen.status_code, unseen.json()["status"]) == (404, False)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 1.5}, {"amount": -1}, {"amount": 0}, {"amount": True}, {"amount": "many"},
        {"currency": "EUR"}, {"currency": []}, {"reference": "a_b"}, {"reference": 7},
        {"callback_url": "javascript:alert(1)"}, {"callback_url": {}},
    ],
)  # fmt: skip
async def test_what_paystack_refuses_is_refused(sandbox: SandboxHandle, change: dict[str, Any]):
    assert (await initialize(sandbox, **change)).status_code == 400
    assert await sandbox.charges() == []


async def test_the_page_pays_and_sends_the_guest_back(sandbox: SandboxHandle):
    url = await checkout(sandbox)
    page = await sandbox.client.get(url)
    assert "5,000.00" in page.text
    assert "bk-1" in page.text
    assert f'action="{httpx.URL(url).path}/pay"' in page.text

    back = await sandbox.client.post(f"{url}/pay")

    assert back.status_code == 303
    assert back.headers["location"] == (
        "https://berthold.test/return?booking=1&trxref=bk-1&reference=bk-1"
    )
    assert (await sandbox.charges())[0]["status"] == "success"
    assert "Paid." in (await sandbox.client.get(url)).text


async def test_the_page_declines_and_lets_the_guest_try_again(sandbox: SandboxHandle):
    url = await checkout(sandbox)
    declined = await sandbox.client.post(f"{url}/decline", follow_redirects=True)
    assert "declined" in declined.text
    assert f'action="{httpx.URL(url).path}/pay"' in declined.text
    assert (await sandbox.charges())[0]["status"] == "failed"
    assert await sandbox.deliveries() == []  # Paystack has no event for it


async def test_the_page_lets_the_guest_leave(sandbox: SandboxHandle):
    url = await checkout(sandbox)
    left = await sandbox.client.post(f"{url}/cancel")
    assert (left.status_code, left.headers["location"]) == (303, "https://berthold.test/left")
    assert (await sandbox.charges())[0]["status"] == "abandoned"


async def test_the_page_escapes_what_it_shows(sandbox: SandboxHandle):
    url = await checkout(sandbox, email='<script>alert("x")</script>@example.com')
    page = await sandbox.client.get(url)
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_a_checkout_that_nobody_opened_is_not_found(sandbox: SandboxHandle):
    assert (await sandbox.client.get("/checkout/nothing")).status_code == 404


async def test_a_webhook_is_signed_and_repeated_until_200():
    receiver = Receiver(500, 204, 302)  # none of them is 200
    async with serving(receiver) as target, running_sandbox(target) as sandbox:
        await initialize(sandbox)
        await sandbox.pay("bk-1")
        await sandbox.pay("bk-1")  # pays only once
        await all_delivered(sandbox)
        (delivery,) = await sandbox.deliveries()
    assert (delivery["attempts"], delivery["last_status"]) == (4, 200)
    assert len(receiver.received) == 4
    adapter = Paystack(secret_keys=[SECRET_KEY], base_url=NOWHERE, timeout_s=1)
    events = [adapter.read_webhook(*each) for each in receiver.received]
    assert {(e.kind.value, e.reference) for e in events} == {("charge_changed", "bk-1")}
    assert len({event.key for event in events}) == 1
    await adapter.close()


async def test_a_webhook_outlives_a_restart_of_the_sandbox(tmp_path: Path):
    books = str(tmp_path / "books.sqlite3")
    async with running_sandbox(NOWHERE, books_path=books) as sandbox:
        await initialize(sandbox)
        await sandbox.pay("bk-1")

        async def tried() -> bool:
            return (await sandbox.deliveries())[0]["attempts"] > 0

        await eventually(tried)
    receiver = Receiver()
    async with serving(receiver) as target, running_sandbox(target, books_path=books) as sandbox:
        await all_delivered(sandbox)
        assert (await sandbox.charges())[0]["status"] == "success"
    assert len(receiver.received) == 1


async def test_webhooks_can_be_doubled_lost_falsified_and_replayed():
    receiver = Receiver()
    async with serving(receiver) as target, running_sandbox(target) as sandbox:
        await initialize(sandbox)
        for kind in ("drop", "duplicate", "wrong_amount"):
            await sandbox.fault("webhook", kind)
        await sandbox.pay("bk-1")
        await all_delivered(sandbox)
        assert (await sandbox.deliveries())[0]["attempts"] == 2
        await sandbox.replay("bk-1")
        await all_delivered(sandbox)
    amounts = [json.loads(body)["data"]["amount"] for _, body in receiver.received]
    assert amounts == [500_000, 500_000, 499_900]


async def test_a_dropped_call_breaks_the_connection(sandbox: SandboxHandle):
    await sandbox.fault("initialize", "drop")
    with pytest.raises(httpx.RemoteProtocolError):
        await initialize(sandbox)
    assert await sandbox.charges() == []


async def test_a_fault_that_cannot_be_is_refused(sandbox: SandboxHandle):
    for rules in (
        [{"operation": "initialize", "kind": "duplicate"}],
        [{"operation": "x", "kind": "drop"}],
        [{"operation": "verify", "kind": "drop", "times": 0}],
        {},
    ):
        assert (await sandbox.client.put("/sandbox/faults", json=rules)).status_code == 400


@pytest.mark.parametrize("environment", ["production", None])
def test_the_sandbox_refuses_production(monkeypatch: pytest.MonkeyPatch, environment: str | None):
    if environment:
        monkeypatch.setenv("BERTHOLD_ENV", environment)
    else:
        monkeypatch.delenv("BERTHOLD_ENV")
    with pytest.raises(SandboxRefused):
        create_sandbox(webhook_url=NOWHERE)


def test_the_sandbox_refuses_live_keys():
    with pytest.raises(SandboxRefused):
        create_sandbox(webhook_url=NOWHERE, secret_keys=["sk_live_x"])
