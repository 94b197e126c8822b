"""Reading Paystack's webhooks: signature first, then what they are about."""

import hashlib
import hmac
import json
import shutil
import subprocess

import pytest

from app.gateways.paystack import Paystack
from app.gateways.port import BadPayload, BadSignature, Event, EventKind

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
        b"[]",
        b"{}",
        b'{"event": "charge.success"}',
        b'{"event": "charge.success", "data": null}',
        b'{"event": "charge.success", "data": {}}',
        b'{"event": "charge.success", "data": {"id": 1}}',
        b'{"event": "", "data": {}}',
        b'{"event": "charge.success", "data": {"id": 1, "reference": "a\\u0000b"}}',
        b'{"event": "charge.success", "data": {"id": 1, "reference": "' + b"a" * 5_000 + b'"}}',
        b'{"event": "x", "data": ' + b"[" * 100_000,
        b'{"event": "\xff", "data": {}}',
    ],
)
def test_a_signed_body_that_makes_no_sense_is_a_bad_payload(body: bytes):
    with pytest.raises(BadPayload):
        gateway().read_webhook(signed(body), body)


def test_events_about_other_things_are_other_and_told_apart():
    bodies = [
        b'{"event": "transfer.success", "data": {"id": 1, "reference": "t", "status": "success"}}',
        b'{"event": "transfer.success", "data": {"id": 2, "reference": "t", "status": "success"}}',
        b'{"event": "transfer.reversed", "data": {"id": 1, "reference": "t", "status": "x"}}',
        b'{"event": "refund.processed", "data": {"transaction_reference": "bk-1"}}',
        b'{"event": "refund.processed", "data": {"transaction_reference": "bk-2"}}',
        b'{"event": "refund.needs-attention", "data": {"id": "123456"}}',
        b'{"event": "charge.dispute.create", "data": {"id": 358950, "status": "x"}}',
    ]
    events = [gateway().read_webhook(signed(body), body) for body in bodies]
    assert {event.kind for event in events} == {EventKind.OTHER}
    assert len({event.key for event in events}) == len(bodies)
    again = gateway().read_webhook(signed(bodies[3]), bodies[3])
    assert again.key == events[3].key
