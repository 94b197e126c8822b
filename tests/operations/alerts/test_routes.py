"""Alerts as operators see them: found, acknowledged, resolved, each once and with a record."""

import asyncio
from typing import Any

import httpx
import pytest

from app.foundation.alerts import Severity, Sighting, raise_alerts
from app.foundation.db import fetch_values, transaction
from app.people.accounts.model import Principal
from tests import make

ALERTS = "/api/admin/alerts"


async def _raise(*subjects: str, kind: str = "stuck", severity: str = "warning") -> None:
    async with transaction() as tx:
        for subject in subjects:
            sighting = Sighting(
                kind=kind, severity=Severity(severity), subject=subject, details={"of": subject}
            )
            await raise_alerts(tx, [sighting])


async def _list(api: httpx.AsyncClient, admin: Principal, **params: Any) -> dict[str, Any]:
    reply = await api.get(ALERTS, params=params, headers=make.bearer(admin))
    assert reply.status_code == 200, reply.text
    return reply.json()


async def _subjects(api: httpx.AsyncClient, admin: Principal, **params: Any) -> list[str]:
    return [alert["subject"] for alert in (await _list(api, admin, **params))["alerts"]]


async def _do(
    api: httpx.AsyncClient, admin: Principal, alert: dict[str, Any], what: str
) -> httpx.Response:
    body = {"note": "Refunded by hand"} if what == "resolve" else None
    return await api.post(f"{ALERTS}/{alert['id']}/{what}", json=body, headers=make.bearer(admin))


async def test_an_alert_is_acknowledged_then_resolved_and_opens_anew(
    api: httpx.AsyncClient, admin: Principal
) -> None:
    await _raise("a", "a")
    (alert,) = (await _list(api, admin, state="open"))["alerts"]
    assert (alert["count"], alert["details"], alert["acknowledgedBy"]) == (2, {"of": "a"}, None)

    acknowledged = (await _do(api, admin, alert, "acknowledge")).json()
    assert (acknowledged["state"], acknowledged["acknowledgedBy"]) == (
        "acknowledged",
        str(admin.id),
    )
    resolved = (await _do(api, admin, alert, "resolve")).json()
    assert (resolved["state"], resolved["resolvedBy"]) == ("resolved", str(admin.id))
    assert resolved["note"] == "Refunded by hand"
    assert resolved["acknowledgedAt"] == acknowledged["acknowledgedAt"] is not None
    seen = await api.get(f"{ALERTS}/{alert['id']}", headers=make.bearer(admin))
    assert seen.json() == resolved

    await _raise("a")
    (anew,) = (await _list(api, admin, state="open"))["alerts"]
    assert (anew["id"] != alert["id"], anew["count"]) == (True, 1)


async def test_what_operators_do_is_recorded(api: httpx.AsyncClient, admin: Principal) -> None:
    await _raise("a")
    (alert,) = (await _list(api, admin))["alerts"]
    await _do(api, admin, alert, "acknowledge")
    await _do(api, admin, alert, "resolve")
    records = (
        await api.get("/api/admin/audit?subjectKind=alert", headers=make.bearer(admin))
    ).json()["records"]
    assert [
        (r["action"], r["subjectId"], r["before"], r["after"], r["reason"]) for r in records
    ] == [
        (
            "resolve_alert",
            alert["id"],
            {"state": "acknowledged"},
            {"state": "resolved"},
            "Refunded by hand",
        ),
        ("acknowledge_alert", alert["id"], {"state": "open"}, {"state": "acknowledged"}, ""),
    ]
    assert {record["actorId"] for record in records} == {str(admin.id)}


async def test_of_ten_operators_at_once_one_resolves(
    api: httpx.AsyncClient, admin: Principal
) -> None:
    await _raise("a")
    (alert,) = (await _list(api, admin))["alerts"]
    replies = await asyncio.gather(*(_do(api, admin, alert, "resolve") for _ in range(10)))
    assert sorted(reply.status_code for reply in replies) == [200] + [409] * 9
    async with transaction() as tx:
        assert await fetch_values(tx, str, "SELECT action FROM audit_log") == ["resolve_alert"]


@pytest.mark.parametrize("what", ["acknowledge", "resolve"])
async def test_what_is_resolved_or_unknown_cannot_be_moved(
    api: httpx.AsyncClient, admin: Principal, what: str
) -> None:
    await _raise("a")
    (alert,) = (await _list(api, admin))["alerts"]
    await _do(api, admin, alert, "resolve")
    refused = await _do(api, admin, alert, what)
    assert (refused.status_code, refused.json()["code"]) == (409, "move_refused")
    unknown = await _do(api, admin, {"id": make.new_id()}, what)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "alert_not_found")


@pytest.mark.parametrize("body", [{}, {"note": ""}, {"note": "  "}, {"note": "x" * 1001}])
async def test_who_resolves_says_how(
    api: httpx.AsyncClient, admin: Principal, body: dict[str, str]
) -> None:
    await _raise("a")
    (alert,) = (await _list(api, admin))["alerts"]
    reply = await api.post(f"{ALERTS}/{alert['id']}/resolve", json=body, headers=make.bearer(admin))
    assert reply.status_code == 422
    assert [error["field"] for error in reply.json()["errors"]] == ["note"]


async def test_each_filter_finds_its_alerts_page_by_page(
    api: httpx.AsyncClient, admin: Principal
) -> None:
    await _raise("a", "b", "c")
    await _raise("a", kind="other", severity="critical")
    (other, c, *_) = (await _list(api, admin))["alerts"]
    await _do(api, admin, c, "acknowledge")
    assert await _subjects(api, admin) == ["a", "c", "b", "a"]
    assert await _subjects(api, admin, kind="stuck") == ["c", "b", "a"]
    assert await _subjects(api, admin, severity="critical") == [other["subject"]]
    assert await _subjects(api, admin, state="acknowledged") == ["c"]
    assert await _subjects(api, admin, state="open", kind="stuck") == ["b", "a"]
    first = await _list(api, admin, limit=3)
    rest = await _list(api, admin, limit=3, cursor=first["nextCursor"])
    assert [alert["subject"] for alert in first["alerts"] + rest["alerts"]] == ["a", "c", "b", "a"]
    assert rest["nextCursor"] is None
