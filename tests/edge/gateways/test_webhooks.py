"""Reading Paystack's webhooks: signature first, then what they are about."""

import hashlib
import hmac
import json
import shutil
import subprocess

import pytest

from app.edge.gateways.paystack.adapter import Paystack
from app.edge.gateways.port import BadPayload, BadSignature, Event, EventKind

OLD, NEW = "sk_test_old", "sk_test_new"
BODY = json.dumps(
    {"event": "charge.success", "data": {"id": 7, "reference": "bk-1", "status": "success"}}
).encode()
HEADER = "x-paystack-signature"


def gateway(*keys: str) -> Paystack:
    return Paystack(secret_keys=keys or (NEW, OLD), base_url="http://x.test", timeout_s=1)


def signed(body: bytes, key: str = NEW) -> dict[str, str]:
    return {HEADER: hmac.new(key.encode(), body, hashlib.sha512).hexdigest()}


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_the_signature_that_openssl_makes_is_accepted():
    made = subprocess.run(
        ["openssl", "dgst", "-sha512", "-hmac", NEW], input=BODY, capture_output=True, check=True
    )
    signature = made.stdout.decode().split("= ")[1].strip()
    assert gateway().read_webhook({HEADER: signature}, BODY).reference == "bk-1"


def test_a_payment_is_read_as_a_change_of_its_charge():
    assert gateway().read_webhook(signed(BODY), BODY) == Event(
        key="charge.success:7:bk-1:success",
        name="charge.success",
        kind=EventKind.CHARGE_CHANGED,
        reference="bk-1",
        gateway_id="7",
    )


@pytest.mark.parametrize("key", [OLD, NEW])
def test_while_a_key_is_rotated_both_are_accepted(key: str):
    assert gateway(NEW, OLD).read_webhook(signed(BODY, key), BODY)


def test_the_header_may_come_in_any_case():
    headers = {"X-Paystack-Signature": signed(BODY)[HEADER]}
    assert gateway().read_webhook(headers, BODY)


GENUINE = signed(BODY)[HEADER]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {HEADER: ""},
        {HEADER: GENUINE.upper()},
        {HEADER: GENUINE[:-1]},
        {HEADER: GENUINE + "\n"},
        {HEADER: f" {GENUINE}"},
        {HEADER: "ä" * 128},
        {HEADER: "0" * 128},
        {HEADER: hashlib.sha512(BODY).hexdigest()},
        {HEADER: hmac.new(b"other", BODY, hashlib.sha512).hexdigest()},
        {HEADER: hmac.new(b"", BODY, hashlib.sha512).hexdigest()},
    ],
)
def test_a_missing_malformed_or_forged_signature_is_refused(headers: dict[str, str]):
    with pytest.raises(BadSignature):
        gateway().read_webhook(headers, BODY)


@pytest.mark.parametrize("altered", [BODY + b" ", BODY.replace(b"bk-1", b"bk-2"), b""])
def test_an_altered_body_is_refused(altered: bytes):
    with pytest.raises(BadSignature):
        gateway().read_webhook(signed(BODY), altered)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b'{"event": "x", "data": ' + b"[" * 100_000,
        b'{"event": "\xff", "data": {}}',
    ],
)
def test_a_signed_body_that_is_not_json_is_a_bad_payload(body: bytes):
    with pytest.raises(BadPayload):
        gateway().read_webhook(signed(body), body)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b"1",
        b'{"event": "charge.success"}',
        b'{"event": "charge.success", "data": null}',
        b'{"event": "charge.success", "data": {}}',
        b'{"event": "charge.success", "data": {"id": {}}}',
        b'{"event": "", "data": {}}',
        b'{"event": "a\\u0000b", "data": {}}',
        b'{"event": ["x"], "data": {}}',
        b'{"event": "refund.processed", "data": {"refund_reference": "1"}}',
        b'{"event": "refund.processed", "data": {"transaction_reference": ""}}',
        b'{"event": "charge.dispute.create", "data": {"transaction": "x"}}',
        b'{"event": "charge.success", "data": {"reference": "a\\u0000b"}}',
        b'{"event": "charge.success", "data": {"reference": "' + b"a" * 5_000 + b'"}}',
        b'{"event": "' + b"e" * 5_000 + b'", "data": {"id": 1, "reference": "a"}}',
    ],
)
def test_a_signed_body_of_unknown_shape_is_an_event_about_nothing(body: bytes):
    event = gateway().read_webhook(signed(body), body)
    assert (event.kind, event.reference, event.gateway_id) == (EventKind.OTHER, None, None)
    assert 0 < len(event.key) <= 500
    assert 0 < len(event.name) <= 200
    assert event == gateway().read_webhook(signed(body), body) or "refund" in event.name


REFUND = b'{"event": "refund.%s", "data": {"transaction_reference": "bk-1", "amount": "5000"%s}}'
TRANSFER = (
    b'{"event": "transfer.%s", "data": {"id": %d, "reference": "tr-1", "transfer_code": "TRF_%d",'
    b' "status": "%s"}}'
)


@pytest.mark.parametrize("end", [b"success", b"failed", b"reversed"])
def test_a_transfer_that_ended_is_read_as_a_change_of_it(end: bytes):
    body = TRANSFER % (end, 7, 1, end)
    assert gateway().read_webhook(signed(body), body) == Event(
        key=f"transfer.{end.decode()}:TRF_1:{end.decode()}",
        name=f"transfer.{end.decode()}",
        kind=EventKind.TRANSFER_CHANGED,
        reference="tr-1",
        gateway_id="TRF_1",
    )


@pytest.mark.parametrize(
    "stage", [b"pending", b"processing", b"processed", b"failed", b"needs-attention"]
)
def test_a_refund_that_moved_is_read_as_a_change_of_its_charge(stage: bytes):
    body = REFUND % (stage, b"")
    event = gateway().read_webhook(signed(body), body)
    assert (event.kind, event.reference) == (EventKind.REFUND_CHANGED, "bk-1")
    assert event.name == f"refund.{stage.decode()}"


def test_two_refund_events_without_ids_have_two_keys():
    body = REFUND % (b"failed", b', "refund_reference": null')
    first, second = (gateway().read_webhook(signed(body), body) for _ in range(2))
    assert first.key != second.key


@pytest.mark.parametrize(
    "name", [b', "refund_reference": "132013318360"', b', "refund_reference": 1', b', "id": "1"']
)
def test_two_deliveries_of_a_refund_event_with_an_id_have_one_key(name: bytes):
    body = REFUND % (b"processed", name)
    other = REFUND % (b"processed", b', "refund_reference": "132013318361"')
    first, again = (gateway().read_webhook(signed(body), body) for _ in range(2))
    assert first.key == again.key
    assert gateway().read_webhook(signed(other), other).key != first.key


def test_events_about_different_things_have_different_keys():
    bodies = [
        TRANSFER % (b"success", 1, 1, b"success"),
        TRANSFER % (b"success", 2, 2, b"success"),
        TRANSFER % (b"reversed", 1, 1, b"reversed"),
        b'{"event": "transfer.success", "data": {"id": 3, "reference": "t", "status": "success"}}',
        b'{"event": "transfer.success", "data": {"id": 4, "reference": "t", "status": "success"}}',
        b'{"event": "invoice.create", "data": {"id": 358950, "status": "x"}}',
        b'{"event": "customeridentification.failed", "data": {"customer_id": 1}}',
        b'{"event": "customeridentification.failed", "data": {"customer_id": 2}}',
    ]
    events = [gateway().read_webhook(signed(body), body) for body in bodies]
    assert [event.kind for event in events[-3:]] == [EventKind.OTHER] * 3
    assert len({event.key for event in events}) == len(bodies)
    for event, body in zip(events, bodies, strict=True):
        assert gateway().read_webhook(signed(body), body).key == event.key
