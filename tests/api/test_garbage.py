"""What nobody should send: refused with the name of the field, or taken as it is; never a 500."""

import copy
import json
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from app.people.accounts.model import Principal
from tests import make
from tests.api.walk import served
from tests.application import the_app, transport_to
from tests.market.vouchers.made import of_platform
from tests.shop import Shop

DAY: Final = date.today() + timedelta(days=40)  # noqa: DTZ011
MONEY: Final = {"amount": 10_000, "currency": "NGN"}

# What no field takes, whatever its type.
NEVER: Final[tuple[Any, ...]] = (
    {"a": [{"b": {"c": [[[]]]}}]},
    [[[[[{}]]]]],
    [None, {"\u0000": "\u0000"}],
    "a\u0000b",
    1.5,
)
# What some fields take, and some do not.
SOMETIMES: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 1, 2**31, 2**63 - 1, 2**63, 2**64, 10**40, -(2**63) - 1, 1e308, -0.0,
    "", " ", "0", "null", [], {}, "x" * 10_000, "1" * 5_000,
    "\U0001f68c\U0001f1f3\U0001f1ec e\u0301\u0302", "\u202e\u05e9\u05dc\u05d5\u05dd",
    "\u200b\u200d\ufeff", "<script>alert(1)</script>",
    "'; DROP TABLE bookings; --", "%s %(id)s {0}", "../../etc/passwd",
    "0001-01-01", "9999-12-31", "2024-02-30", "24:00:00", "00:00:00+14:00", "\ud7ff\uffff",
    "00000000-0000-0000-0000-000000000000", "Africa", "posix/UTC", "NaN",
)  # fmt: skip
# What is not JSON that a program could write: sent as it stands.
RAW: Final = (b"1e400", b"-1e400", b"NaN", b"Infinity", b"0x10", b"'a'", b'"\\ud800"', b"01", b"")

A_TRIP: Final = {
    "kind": "trip", "title": "A", "place": "B", "zone": "UTC", "policy": "strict",
    "description": "C", "price": MONEY, "fee": MONEY, "destination": "D",
    "requestToBook": False, "respondWithinHours": 5, "weekendPrice": MONEY,
    "departureDate": str(DAY), "departureTime": "08:00:00", "arrivalDate": str(DAY),
    "arrivalTime": "18:00:00", "arrivalZone": "UTC",
}  # fmt: skip
SOME_NIGHTS: Final = {
    "nightsMin": 1, "nightsMax": 30, "arrivalDays": ["friday"], "departureDays": ["sunday"],
}  # fmt: skip
SOME_RULES: Final = SOME_NIGHTS | {
    "noticeDays": 1, "noticeHours": 1, "aheadDays": 1_000, "nightsBetween": 1,
    "seasons": [
        SOME_NIGHTS | {"name": "A", "firstDay": "2090-01-01", "lastDay": "2090-02-01"},
    ],
}  # fmt: skip
A_STAY: Final = {
    "kind": "stay", "title": "A", "place": "B", "zone": "UTC", "policy": "strict",
    "price": MONEY, "deposit": MONEY, "checkInTime": "15:00:00", "checkOutTime": "11:00:00",
    "rules": SOME_RULES,
}  # fmt: skip
A_VOUCHER: Final = {
    "code": "GARBAGE-1",
    "name": "A",
    "percentBps": 1_000,
    "discountMax": MONEY,
    "least": MONEY,
    "kind": "stay",
    "startsAt": "2027-01-01T00:00:00Z",
    "endsAt": "2100-01-01T00:00:00Z",
    "usesMax": 1,
    "oncePerGuest": True,
}
PASSENGERS: Final = [{"seat": "1A", "name": "A", "document": "B", "contact": "C"}]
SOME_EVIDENCE: Final = {"text": "A", "files": ["https://files.example/a.jpg", "a/b.jpg"]}
A_SEAT: Final = {
    "label": "1A", "class": "standard", "price": MONEY, "seatRow": 1, "seatColumn": 1,
}  # fmt: skip
A_PLAN: Final = {
    "rows": 2, "columns": "AB_CD", "firstClassRows": 1, "firstClassPrice": MONEY,
}  # fmt: skip

# (method, path, who asks, a sound body). Where a route takes several shapes, each of them.
REQUESTS: Final = [
    ("POST", "/api/auth/register", "", {
        "email": "x@example.com", "password": "correct horse battery", "name": "A",
        "role": "host", "phone": "+237612345678", "locale": "en", "zone": "UTC"}),
    ("POST", "/api/auth/login", "", {"email": "x@example.com", "password": "x"}),
    ("POST", "/api/auth/refresh", "", {"refreshToken": "x"}),
    ("POST", "/api/auth/logout", "", {"refreshToken": "x", "everywhere": False}),
    ("POST", "/api/admin/users/{user_id}/disable", "admin", {"reason": "A"}),
    ("POST", "/api/admin/users/{user_id}/enable", "admin", {"reason": "A"}),
    ("POST", "/api/auth/password/forgot", "", {"email": "ada@example.com"}),
    ("POST", "/api/auth/password/reset", "", {
        "token": "x", "password": "staple battery correct",
    }),
    ("POST", "/api/me/email", "guest", {"email": "new@example.com"}),
    ("POST", "/api/me/password", "guest", {"password": "staple battery correct"}),
    ("POST", "/api/auth/step-up", "guest", {"password": "x", "code": "123456"}),
    ("POST", "/api/me/2fa/confirm", "guest", {"code": "123456"}),
    ("PATCH", "/api/me", "guest", {
        "name": "A", "phone": "+237612345678", "locale": "en", "zone": "UTC"}),
    ("POST", "/api/bookings/reserve", "guest", {
        "tripId": "{trip_id}", "seatNumbers": ["2A"], "holdDurationMinutes": 1,
        "passengers": [{"seat": "2A", "name": "A", "document": "B", "contact": "C"}]}),
    ("POST", "/api/bookings/reserve", "guest", {"listingId": "{trip_id}", "seatCount": 1}),
    ("POST", "/api/bookings/reserve", "guest", {
        "listingId": "{trip_id}", "seatCount": 1, "voucherCode": "IN-GARBAGE"}),
    ("POST", "/api/bookings/reserve", "guest", {
        "listingId": "{stay_id}", "units": ["Room 1"], "checkIn": str(DAY),
        "checkOut": str(DAY + timedelta(days=1))}),
    ("POST", "/api/bookings/reserve", "guest", {
        "listingId": "{stay_id}", "unitCount": 1, "checkIn": str(DAY),
        "checkOut": str(DAY + timedelta(days=1))}),
    ("PUT", "/api/bookings/{booking_id}/passengers", "guest", {"passengers": PASSENGERS}),
    ("POST", "/api/bookings/{booking_id}/decline", "host", {"reason": "A"}),
    ("POST", "/api/bookings/{booking_id}/cancel", "guest", {
        "reason": "A", "expectedRefund": MONEY}),
    ("POST", "/api/bookings/{booking_id}/give-back", "guest", {
        "units": ["1A"], "reason": "A", "expectedRefund": MONEY}),
    ("POST", "/api/bookings/{booking_id}/give-back", "guest", {"firstNights": 1}),
    ("POST", "/api/bookings/{booking_id}/give-back", "guest", {"lastNights": 1}),
    ("POST", "/api/bookings/{booking_id}/give-back", "guest", {"all": True}),
    ("POST", "/api/bookings/{booking_id}/disputes", "guest", {
        "reason": "A", "claimed": MONEY, "evidence": SOME_EVIDENCE}),
    ("POST", "/api/bookings/{booking_id}/damage-claims", "host", {
        "reason": "A", "claimed": MONEY, "evidence": SOME_EVIDENCE}),
    ("POST", "/api/bookings/{booking_id}/disputes/{dispute_id}/evidence", "guest", SOME_EVIDENCE),
    ("POST", "/api/admin/chargebacks", "admin", {
        "paymentId": "{payment_id}", "gatewayId": "A", "amount": MONEY, "reason": "A",
        "isTaken": True, "evidenceDueAt": "2030-01-01T00:00:00Z"}),
    ("POST", "/api/admin/chargebacks/{chargeback_id}/close", "admin", {
        "outcome": "won", "reason": "A"}),
    ("POST", "/api/admin/disputes/{dispute_id}/resolve", "admin", {
        "toGuest": MONEY, "decision": "A"}),
    ("POST", "/api/payments/initiate", "guest", {
        "bookingId": "{booking_id}", "returnUrl": "https://app.example/back"}),
    ("POST", "/api/host/vouchers", "host", A_VOUCHER | {"listingId": "{stay_id}"}),
    ("POST", "/api/host/vouchers", "host", A_VOUCHER | {"amount": MONEY}),
    ("POST", "/api/admin/vouchers", "admin", A_VOUCHER | {"hostId": "{booking_id}"}),
    ("POST", "/api/listings", "host", A_TRIP),
    ("POST", "/api/listings", "host", A_STAY),
    ("PATCH", "/api/listings/{stay_id}", "host", {
        "state": "open", "title": "A", "description": "B", "place": "C", "price": MONEY,
        "weekendPrice": MONEY, "fee": MONEY, "deposit": MONEY, "policy": "strict",
        "requestToBook": False, "respondWithinHours": 5, "checkInTime": "15:00:00",
        "checkOutTime": "11:00:00", "rules": SOME_RULES}),
    ("POST", "/api/listings/{stay_id}/units", "host", {"units": [A_SEAT]}),
    ("POST", "/api/listings/{trip_id}/units", "host", {"seats": A_PLAN}),
    ("POST", "/api/listings/{stay_id}/units", "host", {
        "rooms": {"count": 2, "prefix": "R", "class": "suite", "price": MONEY}}),
    ("PATCH", "/api/listings/{stay_id}/units/Room 1", "host", {
        "class": "suite", "price": MONEY, "active": True}),
    ("POST", "/api/listings/{stay_id}/price-overrides", "host", {
        "firstSlot": str(DAY), "lastSlot": str(DAY), "price": MONEY}),
    ("POST", "/api/listings/{stay_id}/blocked-dates", "host", {
        "firstSlot": "2090-01-01", "lastSlot": "2090-01-02", "unit": "Room 1", "reason": "A"}),
    ("POST", "/api/host/payout-accounts", "host", {
        "holder": "A", "kind": "bank_account", "accountNumber": "0123456789", "bankCode": "058",
        "currency": "NGN"}),
    ("POST", "/api/host/payout-accounts", "host", {
        "holder": "A", "kind": "gateway_account", "country": "FR", "currency": "EUR",
        "gateway": "stripe"}),
    ("POST", "/api/host/payout-accounts/{account_id}/onboarding", "host", {
        "returnUrl": "https://app.example/back", "refreshUrl": "https://app.example/again"}),
    ("POST", "/api/admin/ledger/adjustments", "admin", {
        "reason": "A", "bookingId": "{booking_id}", "entries": [
            {"kind": "host_payable", "ownerId": "{host_id}", "amount": MONEY},
            {"kind": "gateway_clearing", "gateway": "paystack",
             "amount": {"amount": -100, "currency": "NGN"}}]}),
    ("POST", "/api/admin/alerts/{alert_id}/resolve", "admin", {"note": "A"}),
    ("POST", "/api/admin/webhooks/{event_id}/dismiss", "admin", {"reason": "A"}),
    ("POST", "/api/admin/reconciliation/{difference_id}/explain", "admin", {
        "note": "A", "account": "platform_revenue"}),
    ("POST", "/api/admin/reconciliation/run", "admin", {
        "gateway": "stripe", "day": "2026-01-01"}),
    ("POST", "/api/admin/breaker/override", "admin", {
        "reason": "A", "refundIds": ["{booking_id}"]}),
    ("POST", "/api/admin/jobs/retry", "admin", {
        "reason": "A", "task": "send-instruction", "queue": "money", "limit": 5}),
    *(("POST", f"/api/admin/{path}", "admin", {"reason": "A"}) for path in (
        "jobs/{job_id}/retry", "jobs/{job_id}/cancel", "queues/{name}/pause",
        "queues/{name}/resume", "tasks/{name}/pause", "tasks/{name}/resume")),
    ("POST", "/api/admin/bookings/{booking_id}/refunds", "admin", {
        "amount": MONEY, "reason": "A", "atWhoseCost": "platform"}),
    *(("POST", f"/api/admin/{kind}/{{instruction_id}}/{verb}", "admin", {"reason": "A"})
      for kind in ("refunds", "transfers") for verb in ("retry", "reissue")),
]  # fmt: skip
PARTS: Final = 4  # so that they can run side by side
WITHOUT_A_BODY: Final = {
    ("POST", "/links/{purpose}"),  # a form: see tests/pages
    ("POST", "/api/me/email/verification"),
    ("POST", "/api/me/2fa"),
    ("POST", "/api/me/2fa/recovery-codes"),
    ("POST", "/api/me/2fa/end"),
    ("POST", "/api/bookings/{booking_id}/accept"),
    ("POST", "/api/bookings/{booking_id}/disputes/{dispute_id}/withdraw"),
    ("POST", "/api/payments/{payment_id}/verify"),
    ("POST", "/api/host/vouchers/{voucher_id}/end"),
    ("POST", "/api/admin/vouchers/{voucher_id}/end"),
    ("POST", "/api/admin/alerts/{alert_id}/acknowledge"),
    ("POST", "/api/admin/refunds/{instruction_id}/look-up"),
    ("POST", "/api/admin/transfers/{instruction_id}/look-up"),
    ("POST", "/api/admin/webhooks/{event_id}/replay"),
    ("POST", "/api/jobs/{name}"),
    ("POST", "/api/webhooks/{name}"),  # bytes that a gateway signed: see the last test
}


class Sender:
    """Sends requests as somebody who may make them, and judges the answers."""

    def __init__(self, shop: Shop, ids: dict[str, str]) -> None:
        self.shop = shop
        self.ids = ids
        self.headers = {
            "guest": make.bearer(shop.guest),
            "host": make.bearer(shop.host),
            "admin": make.bearer(shop.admin),
            "": {},
        }

    async def send(self, method: str, path: str, who: str, content: bytes) -> httpx.Response:
        reply = await self.shop.api.request(
            method,
            path.format(**self.ids),
            content=content,
            headers={"content-type": "application/json", "idempotency-key": uuid4().hex}
            | self.headers[who],
        )
        self.shop.api.cookies.clear()
        return reply

    def filled(self, body: Any) -> Any:
        text = json.dumps(body)
        for name, value in self.ids.items():
            text = text.replace(f"{{{name}}}", value)
        return json.loads(text)


@pytest.fixture
async def near(shop: Shop) -> AsyncIterator[Shop]:
    """The shop, asked in this process: thousands of requests without a socket between."""
    transport = transport_to(the_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://berthold.test") as client:
        shop.api, served_api = client, shop.api
        yield shop
        shop.api = served_api


@pytest.fixture
async def sender(near: Shop) -> Sender:
    shop = near
    booking = await shop.reserve("1A")
    await of_platform(code="IN-GARBAGE")
    ids = {
        "trip_id": str(shop.trip_id),
        "stay_id": str(shop.stay_id),
        "booking_id": booking["id"],
        "host_id": str(shop.host.id),
        "alert_id": str(make.new_id()),
        "account_id": str(make.new_id()),
        "instruction_id": str(make.new_id()),
        "dispute_id": str(make.new_id()),
        "event_id": str(make.new_id()),
        "difference_id": str(make.new_id()),
        "payment_id": str(make.new_id()),
        "chargeback_id": str(make.new_id()),
        "job_id": "1",
        "user_id": str(make.new_id()),
        "name": "money",
    }
    return Sender(shop, ids)


async def test_every_route_that_takes_a_body_is_sent_garbage() -> None:
    taking = {route for route in await served() if route[0] in ("POST", "PUT", "PATCH")}
    names = {"{stay_id}": "{listing_id}", "{trip_id}": "{listing_id}", "Room 1": "{label}"}

    def template(path: str) -> str:
        for name, known in names.items():
            path = path.replace(name, known)
        return path

    sent = {(method, template(path)) for method, path, _, _ in REQUESTS}
    assert taking - WITHOUT_A_BODY == sent


@pytest.mark.parametrize("part", range(PARTS))
async def test_garbage_in_any_field_is_refused_by_name_or_taken(sender: Sender, part: int) -> None:
    failures: list[str] = []
    for method, path, who, body in REQUESTS[part::PARTS]:
        wrong = [failure async for failure in _garbage_for(sender, method, path, who, body)]
        failures += [f"{method} {path}: {failure}" for failure in wrong]
    assert not failures, "\n".join(failures[:20])


async def _garbage_for(
    sender: Sender, method: str, path: str, who: str, body: dict[str, Any]
) -> AsyncIterator[str]:
    sound = sender.filled(body)
    for where, field in _fields(sound):
        for garbage in NEVER + SOMETIMES:
            content = json.dumps(_replaced(sound, where, garbage)).encode()
            reply = await sender.send(method, path, who, content)
            for failure in _wrong(reply, field, garbage, must_refuse=garbage in NEVER):
                yield failure
    where, field = next(_fields(sound))
    marked = json.dumps(_replaced(sound, where, "@@")).encode()
    for raw in RAW:
        reply = await sender.send(method, path, who, marked.replace(b'"@@"', raw))
        if reply.status_code not in (400, 422):
            yield f"{raw!r} in {field}: {reply.status_code} {reply.text[:200]}"


def _fields(body: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every place in a body, and the name by which a problem must call it."""
    pairs = body.items() if isinstance(body, dict) else enumerate(body)
    for key, value in pairs:
        yield (*where, key), _name((*where, key))
        if isinstance(value, dict | list):
            yield from _fields(value, (*where, key))


def _name(where: tuple[Any, ...]) -> str:
    name = ""
    for key in where:
        name += f"[{key}]" if isinstance(key, int) else f".{key}" if name else str(key)
    return name


def _replaced(body: Any, where: tuple[Any, ...], garbage: Any) -> Any:
    changed = copy.deepcopy(body)
    place = changed
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = garbage
    return changed


def _wrong(reply: httpx.Response, field: str, garbage: Any, *, must_refuse: bool) -> Iterator[str]:
    """What is wrong with an answer to garbage in a field, if anything is."""
    failure = f"{str(garbage)[:40]!r} in {field}: {reply.status_code} {reply.text[:300]}"
    status, kind = reply.status_code, reply.headers.get("content-type", "")
    is_problem = 400 <= status < 500 and kind == "application/problem+json"
    if not (is_problem or status < 300) or (must_refuse and status != 422):
        yield failure
    elif reply.status_code == 422:
        named = [error["field"] for error in reply.json()["errors"] if error["message"]]
        if not any(name.startswith(field) if must_refuse else name for name in named):
            yield failure


WILD_TEXTS: Final = (
    "\U0001f68c\U0001f1f3\U0001f1ec\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "\u202e\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627\u202c",
    "e\u0301 is not \u00e9, nor \ufb01 fi",
    "<script>alert('\"&amp;')</script>",
    "a\\b\u2028\u2029\tc\nd\r\n",
    "Z\u0351\u036b\u0343\u036a\u0302\u036ba\u0334\u0335\u031f\u034e",
    "\U0010ffff\ufffe\ue000",
)


async def test_text_comes_back_as_it_was_sent(shop: Shop) -> None:
    for text in WILD_TEXTS:
        await _send_and_read_back(shop, text)


async def _send_and_read_back(shop: Shop, text: str) -> None:
    listing = await shop.post(
        shop.host, "/api/listings", A_TRIP | {"title": text, "description": text, "place": text}
    )
    assert listing.status_code == 201, listing.text
    seen = await shop.get(shop.guest, f"/api/listings/{listing.json()['id']}")
    assert (seen["title"], seen["description"], seen["place"]) == (text, text, text)
    found = await shop.get(shop.guest, "/api/listings", place=text, kind="stay")
    assert found["listings"] == []
    passenger = {"seat": "1A", "name": text, "document": text, "contact": text}
    booking = await shop.reserve("1A", passengers=[passenger])
    path = f"/api/bookings/{booking['id']}"
    assert (await shop.get(shop.guest, f"{path}/passengers"))["passengers"] == [passenger]
    await shop.post(shop.guest, f"{path}/cancel", {"reason": text})
    history = await shop.get(shop.guest, f"{path}/history")
    assert history["moves"][-1]["reason"] == text


WILD_IDS: Final = (
    "x", "0", "-1", "%00", "%20", "%F0%9F%9A%8C", "%ff", "..%2f..", "null", "9" * 400,
    "00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}",
    "ffffffffffffffffffffffffffffffff", "99999999999999999999", "9223372036854775808", "1e3",
    "%E2%80%8B", "%D9%A1%D9%A2", "+5", "0x5", "1_000",
)  # fmt: skip


async def test_wild_ids_in_paths_are_not_found(near: Shop) -> None:
    shop = near
    for method, path in sorted(await served()):
        if "{" not in path or path.startswith(("/schema", "/links")):
            continue
        parts = path.split("/")
        for wild in WILD_IDS:
            for turn in [n for n, part in enumerate(parts) if part.startswith("{")]:
                filled = [
                    wild if n == turn else _sound_id(part, shop) for n, part in enumerate(parts)
                ]
                reply = await _ask_as_everybody(shop, method, "/".join(filled))
                assert reply.status_code in (400, 401, 403, 404, 405, 422), (
                    f"{method} {'/'.join(filled)}: {reply.status_code} {reply.text}"
                )
                assert reply.headers["content-type"] == "application/problem+json"


def _sound_id(part: str, shop: Shop) -> str:
    known = {"{label}": "Room 1", "{override_id}": "1", "{block_id}": "1", "{job_id}": "1"}
    return known.get(part, str(shop.stay_id)) if part.startswith("{") else part


async def _ask_as_everybody(shop: Shop, method: str, path: str) -> httpx.Response:
    body = b"{}" if method not in {"GET", "DELETE"} else b""
    headers = {"content-type": "application/json"} | make.bearer(shop.host)
    return await shop.api.request(method, path, content=body, headers=headers)


QUERIES: Final = [
    ("/api/listings", {
        "q": "a", "place": "a", "kind": "stay", "checkIn": str(DAY),
        "checkOut": str(DAY + timedelta(days=2)), "units": "1", "currency": "NGN",
        "priceMin": "1", "priceMax": "5", "limit": "5", "cursor": ""}),
    ("/api/listings", {"kind": "trip", "date": str(DAY), "units": "1", "limit": "5"}),
    ("/api/listings/{stay_id}/availability", {
        "checkIn": str(DAY), "checkOut": str(DAY + timedelta(days=2))}),
    ("/api/listings/{stay_id}/availability", {
        "from": str(DAY), "to": str(DAY + timedelta(days=2))}),
    ("/api/bookings/reserve", {"tripId": "{trip_id}"}),
    ("/api/bookings", {"state": "held", "limit": "5", "cursor": ""}),
    ("/api/host/bookings", {"state": "held", "limit": "5", "cursor": ""}),
    ("/api/host/listings", {"limit": "5", "cursor": ""}),
    ("/api/host/payout-accounts", {"limit": "5", "cursor": ""}),
    ("/api/host/transfers", {"state": "queued", "limit": "5", "cursor": ""}),
    ("/api/host/debts", {"limit": "5", "cursor": ""}),
    ("/api/payments/status", {"reference": "x"}),
    ("/api/payments/return", {"reference": "x"}),
    ("/api/host/payout-accounts/return", {"account": "{stay_id}"}),
    ("/api/host/payout-accounts/onboarding", {"account": "{stay_id}"}),
    *((f"/api/admin/{kind}", {
        "state": "queued", "bookingId": "{stay_id}", "payeeId": "{stay_id}", "limit": "5",
        "cursor": ""}) for kind in ("refunds", "transfers")),
    ("/api/admin/disputes", {"limit": "5", "cursor": ""}),
    ("/api/admin/audit", {
        "action": "cancel_booking", "subjectKind": "booking", "subjectId": "x",
        "actorRole": "guest", "actorId": "{stay_id}", "from": "2030-01-01T00:00:00Z",
        "to": "2030-01-01T00:00:00Z", "limit": "5", "cursor": ""}),
    ("/api/admin/jobs", {
        "status": "failed", "queue": "money", "task": "x", "limit": "5", "cursor": ""}),
    ("/api/admin/jobs/runs", {"name": "cleanup", "limit": "5", "cursor": ""}),
    ("/api/admin/alerts", {
        "state": "open", "kind": "x", "severity": "info", "limit": "5", "cursor": ""}),
    ("/api/admin/webhooks", {
        "state": "failed", "gateway": "paystack", "reference": "x", "limit": "5", "cursor": ""}),
]  # fmt: skip
WILD_VALUES: Final = (
    "", " ", "x", "-1", "0", "9223372036854775808", "9" * 400, "1e400", "1.5", "NaN", "true",
    "0001-01-01", "9999-12-31", "2024-02-30", "20240101", "1700000000", "null", "a" * 10_000,
    "\U0001f68c", "\u202e\u05e9", "\u200b", "<script>", "'", "%", "\\", "_", "A" * 501,
    "WyIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDAiXQ", "W10", "bnVsbA", "W251bGxd",
    "WyI5OTk5LTEyLTMxIiwgIjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMCJd", "====", "\u00e9",
)  # fmt: skip


async def test_wild_query_parameters_are_refused_by_name_or_taken(near: Shop) -> None:
    ids = {"stay_id": near.stay_id, "trip_id": near.trip_id}
    failures: list[str] = []
    for path, sound in QUERIES:
        address = path.format(**ids)
        asker = near.admin if path.startswith("/api/admin") else near.host
        known = {name: value.format(**ids) for name, value in sound.items() if value}
        for name in sound:
            for wild in WILD_VALUES:
                reply = await _look(near, asker, address, known | {name: wild})
                failures += [f"{path}: {t}" for t in _wrong(reply, name, wild, must_refuse=False)]
            twice = [*known.items(), (name, "x"), (name, "y")]
            reply = await _look(near, asker, address, twice)
            failures += [f"{path}: {t}" for t in _wrong(reply, name, "two", must_refuse=False)]
    assert not failures, "\n".join(failures[:20])


async def _look(shop: Shop, who: Principal, path: str, params: Any) -> httpx.Response:
    return await shop.api.get(path, params=params, headers=make.bearer(who))


async def test_a_signed_webhook_of_any_shape_is_taken_or_refused(near: Shop) -> None:
    shop = near
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    event = {
        "event": "charge.success",
        "data": {
            "id": 1, "domain": "test", "status": "success", "reference": payment["reference"],
            "amount": 500_000, "currency": "NGN", "paid_at": "2030-01-01T00:00:00.000Z",
            "metadata": {"bookingId": booking["id"]}, "customer": {"email": "a@example.com"},
        },
    }  # fmt: skip
    bodies = [json.dumps(_replaced(event, where, garbage))
              for where, _ in _fields(event) for garbage in NEVER + SOMETIMES]  # fmt: skip
    bodies += ["", "null", "[]", "5", '""', "{}", "[" * 5_000, '{"event": 1e400}', "\u200b"]
    for body in bodies:
        reply = await shop.webhook(body)
        assert reply.status_code in (200, 400), f"{body[:300]}: {reply.text}"
    await shop.run_jobs()
    assert await shop.state(booking) == "awaiting_payment", "a webhook is only a rumour"
