"""A dispute as people see it: over HTTP, by mail, on the list of who decides."""

from typing import Any, Final

import httpx
import pytest

from app.foundation.db import execute, fetch_values, transaction
from app.market.bookings.model import Booking
from app.people.accounts.model import Principal, Role
from tests import make, paid

A_FILE: Final = "https://files.example/leak.jpg"


class Case:
    """A stay that has just begun, its people, and the API."""

    def __init__(self, api: httpx.AsyncClient, booking: Booking, admin: Principal) -> None:
        self.api = api
        self.path = f"/api/bookings/{booking.id}"
        self.booking = booking
        self.guest = Principal(id=booking.guest_id, roles=(Role.GUEST,))
        self.host = Principal(id=booking.host_id, roles=(Role.GUEST, Role.HOST))
        self.admin = admin

    async def post(self, who: Principal, path: str, body: Any, key: str = "") -> httpx.Response:
        headers = make.bearer(who) | ({"idempotency-key": key} if key else {})
        return await self.api.post(path, json=body, headers=headers)

    async def get(self, who: Principal, path: str, **params: Any) -> Any:
        reply = await self.api.get(path, params=params, headers=make.bearer(who))
        assert reply.status_code == 200, reply.text
        return reply.json()


@pytest.fixture
async def case(api: httpx.AsyncClient) -> Case:
    async with transaction() as tx:
        booking = await paid.stay(tx)
        admin = await make.account(tx, Role.ADMIN)
        await paid.set_clock(tx, booking.check_in_at)
    return Case(api, booking, admin)


async def test_a_dispute_from_the_complaint_to_the_decision(case: Case) -> None:
    body = {"reason": "No water", "evidence": {"text": "All day", "files": [A_FILE]}}
    opened = await case.post(case.guest, f"{case.path}/disputes", body)
    assert opened.status_code == 201, opened.text
    dispute = opened.json()
    held = {"amount": 2_000_000, "currency": "NGN"}
    assert (dispute["pot"], dispute["side"], dispute["state"]) == ("rental", "guest", "open")
    assert dispute["held"] == dispute["claimed"] == held
    assert dispute["toGuest"] is None
    assert [(e["text"], e["files"]) for e in dispute["evidence"]] == [("All day", [A_FILE])]

    path = f"{case.path}/disputes/{dispute['id']}/evidence"
    added = await case.post(case.host, path, {"files": ["uploads/meter.jpg"]})
    assert (added.status_code, added.json()["side"]) == (201, "host")
    listed = (await case.get(case.admin, "/api/admin/disputes"))["disputes"]
    assert [row["id"] for row in listed] == [dispute["id"]]
    assert "evidence" not in listed[0]

    decision = {"toGuest": {"amount": 500_001, "currency": "NGN"}, "decision": "A quarter"}
    path = f"/api/admin/disputes/{dispute['id']}/resolve"
    resolved = await case.post(case.admin, path, decision)
    assert resolved.status_code == 200, resolved.text
    again = await case.post(case.admin, path, decision)
    assert (again.status_code, again.json()["code"]) == (409, "move_refused")
    for who in (case.guest, case.host, case.admin):
        (seen,) = (await case.get(who, f"{case.path}/disputes"))["disputes"]
        assert seen == resolved.json()
        assert (seen["state"], seen["decision"]) == ("resolved", "A quarter")
        assert [e["side"] for e in seen["evidence"]] == ["guest", "host"]


async def test_both_are_told_of_each_step_once(case: Case) -> None:
    for _ in range(2):
        opened = await case.post(case.guest, f"{case.path}/disputes", {"reason": "No water"})
        path = f"{case.path}/disputes/{opened.json()['id']}"
        await case.post(case.guest, f"{path}/withdraw", {})
    opened = await case.post(case.guest, f"{case.path}/disputes", {"reason": "No water"})
    decision = {"toGuest": {"amount": 1, "currency": "NGN"}, "decision": "Little"}
    path = f"/api/admin/disputes/{opened.json()['id']}/resolve"
    await case.post(case.admin, path, decision)
    async with transaction() as tx:
        for account_id in (case.guest.id, case.host.id):
            told = await fetch_values(
                tx,
                str,
                """
                SELECT kind FROM notifications
                 WHERE account_id = %(id)s AND kind LIKE 'dispute%%' ORDER BY id""",
                id=account_id,
            )
            steps = ["dispute_opened", "dispute_withdrawn"] * 2
            assert told == [*steps, "dispute_opened", "dispute_resolved"]
        audited = await fetch_values(
            tx, str, "SELECT action FROM audit_log WHERE subject_kind = 'dispute' ORDER BY id"
        )
    steps = ["open_dispute", "withdraw_dispute"] * 2
    assert audited == [*steps, "open_dispute", "resolve_dispute"]


async def test_a_complaint_sent_twice_under_one_key_is_one(case: Case) -> None:
    body = {"reason": "No water"}
    first = await case.post(case.guest, f"{case.path}/disputes", body, key="k")
    second = await case.post(case.guest, f"{case.path}/disputes", body, key="k")
    assert second.headers["idempotency-replayed"] == "true"
    assert second.json() == first.json()
    without = await case.post(case.guest, f"{case.path}/disputes", body)
    assert (without.status_code, without.json()["code"]) == (409, "already_disputed")


async def test_refusals_say_when(case: Case) -> None:
    claim = {"reason": "Broken", "claimed": {"amount": 1, "currency": "NGN"}}
    early = await case.post(case.host, f"{case.path}/damage-claims", claim)
    assert (early.status_code, early.json()["code"]) == (409, "not_yet_open")
    seen = await case.get(case.guest, case.path)
    assert early.json()["opensAt"] == seen["checkOutAt"]
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET shift = shift + interval '1 hour'")
    late = await case.post(case.guest, f"{case.path}/disputes", {"reason": "A"})
    assert (late.status_code, late.json()["code"]) == (409, "window_closed")
    assert late.json()["closesAt"] > seen["checkInAt"]


async def test_wrong_fields_are_named(case: Case) -> None:
    files = {"text": "A", "files": ["a", "http://x.example/", "../x"]}
    too_much = {"amount": 2_000_001, "currency": "NGN"}
    for body, named in (
        ({"reason": " "}, ["reason"]),
        ({"reason": "A", "evidence": files}, ["evidence.files[1]", "evidence.files[2]"]),
        ({"reason": "A", "evidence": {}}, ["evidence.text"]),
        ({"reason": "A", "evidence": {"files": ["a"] * 11}}, ["evidence.files"]),
        ({"reason": "A", "claimed": too_much}, ["claimed.amount"]),
    ):
        reply = await case.post(case.guest, f"{case.path}/disputes", body)
        assert reply.status_code == 422, reply.text
        assert [error["field"] for error in reply.json()["errors"]] == named
    opened = await case.post(
        case.guest,
        f"{case.path}/disputes",
        {"reason": "A", "claimed": {"amount": 5, "currency": "NGN"}},
    )
    path = f"/api/admin/disputes/{opened.json()['id']}/resolve"
    body = {"toGuest": {"amount": 6, "currency": "NGN"}, "decision": "Generous"}
    reply = await case.post(case.admin, path, body)
    assert [error["field"] for error in reply.json()["errors"]] == ["toGuest.amount"]


async def test_an_admin_s_list_has_what_is_open_first_on_pages(api: httpx.AsyncClient) -> None:
    opened: list[str] = []
    async with transaction() as tx:
        admin = await make.account(tx, Role.ADMIN)
        host = await make.account(tx, Role.HOST)
        stays = [await paid.stay(tx, host=host) for _ in range(5)]
        await paid.set_clock(tx, stays[0].check_in_at)
    for booking in stays:
        case = Case(api, booking, admin)
        reply = await case.post(case.guest, f"{case.path}/disputes", {"reason": "A"})
        opened.append(reply.json()["id"])
    for n in (0, 3):
        case = Case(api, stays[n], admin)
        await case.post(case.guest, f"{case.path}/disputes/{opened[n]}/withdraw", {})
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        params = {"cursor": cursor} if cursor else {}
        page = await case.get(admin, "/api/admin/disputes", limit=2, **params)
        seen += [row["id"] for row in page["disputes"]]
        cursor = page["nextCursor"]
    assert cursor is None
    assert seen == [opened[n] for n in (1, 2, 4, 3, 0)]
