"""The strict transport is strict: else the conformance suite proves nothing about shapes."""

import json
from typing import Any

import httpx
import pytest

from tests.edge.gateways.shapes import Misshapen, Strict

HEADERS = {"authorization": "Bearer x", "stripe-version": "x", "idempotency-key": "x"}
GOOD = {"charge": "ch_1", "amount": "5", "metadata[reference]": "rf-1"}


async def send(gateway: str, method: str, path: str, **request: Any) -> httpx.Response:
    inner = httpx.MockTransport(lambda _: httpx.Response(200))
    async with httpx.AsyncClient(transport=Strict(gateway, inner), base_url="http://x") as client:
        return await client.request(method, path, **request)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, None),
        ({"colour": "red"}, "colour is not known"),
        ({"amount": "5.0"}, "amount is no integer"),
        ({"reason": "because"}, "reason is none of"),
        ({"reason": "duplicate"}, None),
        ({"reverse_transfer": "1"}, "reverse_transfer is no boolean"),
        ({"metadata": "x"}, "metadata has another shape"),
        ({"charge[id]": "x"}, "is no string"),
    ],
)
async def test_a_form_is_compared_with_the_official_file(changes: Any, named: str | None):
    given = {k: v for k, v in {**GOOD, **changes}.items() if not _is_replaced(k, changes)}
    sending = send("stripe", "POST", "/v1/refunds", data=given, headers=HEADERS)
    if named is None:
        assert (await sending).status_code == 200
        return
    with pytest.raises(Misshapen, match=named):
        await sending


def _is_replaced(name: str, changes: Any) -> bool:
    top = name.partition("[")[0]
    return any(name != other and top == other.partition("[")[0] for other in changes)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"email": "g@x.test", "amount": 5}, None),
        ({"amount": 5}, "email is missing"),
        ({"email": "g@x.test", "amount": "5"}, "amount is no integer"),
        ({"email": "g@x.test", "amount": True}, "amount is no integer"),
        ({"email": 5, "amount": 5}, "email is no string"),
        ({"email": "g@x.test", "amount": 5, "channels": "card"}, "channels has another shape"),
        ({"email": "g@x.test", "amount": 5, "colour": "red"}, "colour is not known"),
    ],
)
async def test_json_is_compared_with_the_official_file(body: Any, named: str | None):
    sending = send("paystack", "POST", "/transaction/initialize", json=body, headers=HEADERS)
    if named is None:
        assert (await sending).status_code == 200
        return
    with pytest.raises(Misshapen, match=named):
        await sending


@pytest.mark.parametrize(
    ("method", "path", "request_"),
    [
        ("POST", "/v1/refunds", {"data": GOOD}),  # without headers
        ("POST", "/v1/refunds", {"content": json.dumps(GOOD), "headers": HEADERS}),
        ("POST", "/v1/refunds", {"json": GOOD, "headers": HEADERS}),
        ("GET", "/v1/refunds?colour=red", {"headers": HEADERS}),
        ("GET", "/v1/colours", {"headers": HEADERS}),
        ("DELETE", "/v1/refunds", {"headers": HEADERS}),
    ],
)
async def test_a_call_that_is_not_in_the_official_file_is_refused(
    method: str, path: str, request_: Any
):
    with pytest.raises(Misshapen):
        await send("stripe", method, path, **request_)
