"""Reading the audit log: filters, pages, and who may."""

from datetime import datetime, timedelta
from typing import Any, LiteralString

import httpx
import pytest

from app.foundation import audit
from app.foundation.audit import SYSTEM, Actor, ActorRole, Change, Subject
from app.foundation.db import execute, fetch_values, plan_for_values, transaction
from app.people.accounts.model import Principal
from tests import make

AUDIT = "/api/admin/audit"


async def _look(api: httpx.AsyncClient, admin: Principal, **params: Any) -> dict[str, Any]:
    reply = await api.get(AUDIT, params=params, headers=make.bearer(admin))
    assert reply.status_code == 200, reply.text
    return reply.json()


async def _found(api: httpx.AsyncClient, admin: Principal, **params: Any) -> list[str]:
    records = (await _look(api, admin, **params))["records"]
    return [f"{record['action']} {record['subjectId']}" for record in records]


async def _record(by: Actor, action: str, kind: str, *ids: str) -> None:
    async with transaction() as tx:
        changes = [Change(subject=Subject(kind, id_)) for id_ in ids]
        await audit.record_all(tx, by=by, action=action, changes=changes)


async def _forward(by: timedelta) -> None:
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET movable = true, shift = shift + %(by)s", by=by)


async def test_each_filter_finds_its_records_the_newest_first(
    api: httpx.AsyncClient, admin: Principal
) -> None:
    by_admin = Actor(ActorRole.ADMIN, admin.id)
    await _record(by_admin, "cancel_booking", "booking", "a", "b")
    await _forward(timedelta(hours=1))
    await _record(SYSTEM, "settle_payment", "payment", "a")
    everything = ["settle_payment a", "cancel_booking b", "cancel_booking a"]
    assert await _found(api, admin) == everything
    assert await _found(api, admin, action="cancel_booking") == everything[1:]
    assert await _found(api, admin, subjectId="a") == [everything[0], everything[2]]
    assert await _found(api, admin, subjectId="a", subjectKind="booking") == everything[2:]
    assert await _found(api, admin, actorId=str(admin.id)) == everything[1:]
    assert await _found(api, admin, actorRole="system") == everything[:1]
    assert await _found(api, admin, action="cancel") == []

    at = datetime.fromisoformat((await _look(api, admin))["records"][0]["at"])
    assert await _found(api, admin, **{"from": at.isoformat()}) == everything[:1]
    assert await _found(api, admin, to=at.isoformat()) == everything[1:], "the end is not included"


async def test_pages_hold_each_record_once_even_those_of_one_instant(
    api: httpx.AsyncClient, admin: Principal
) -> None:
    await _record(SYSTEM, "try_it", "thing", *(str(n) for n in range(7)))
    seen: list[str] = []
    cursor = ""
    for _ in range(4):
        page = await _look(api, admin, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [record["subjectId"] for record in page["records"]]
        cursor = page["nextCursor"]
    assert cursor is None
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    "params",
    [
        {"cursor": "W10"},
        {"actorId": "x"},
        {"actorRole": "king"},
        {"from": "yesterday"},
        {"limit": 101},
    ],
)
async def test_a_filter_that_means_nothing_is_refused(
    api: httpx.AsyncClient, admin: Principal, params: dict[str, Any]
) -> None:
    reply = await api.get(AUDIT, params=params, headers=make.bearer(admin))
    assert reply.status_code == 422
    assert [error["field"] for error in reply.json()["errors"]] == [*params]


@pytest.mark.parametrize(
    ("filter_sql", "index"),
    [
        ("true", "audit_log_newest"),
        ("subject_id = '5'", "audit_log_of_subject"),
        ("actor_id = '00000000-0000-0000-0000-000000000000'", "audit_log_of_actor"),
        ("action = 'try_me'", "audit_log_of_action"),
    ],
)
async def test_each_filter_has_its_index(pool: None, filter_sql: LiteralString, index: str) -> None:
    await _record(SYSTEM, "try_it", "thing", *(str(n) for n in range(5_000)))
    async with transaction() as tx:
        await execute(tx, "ANALYZE audit_log")
        await plan_for_values(tx)
        plan = await fetch_values(
            tx,
            str,
            f"""
            EXPLAIN SELECT * FROM audit_log WHERE {filter_sql} AND (at, id) < (business_now(), 9)
             ORDER BY at DESC, id DESC LIMIT 20""",
        )
    assert index in "\n".join(plan)


async def test_a_record_says_from_which_address_its_request_came(
    api: httpx.AsyncClient, admin: Principal
) -> None:
    wrong = {"email": "nobody@example.com", "password": "wrong"}
    assert (await api.post("/api/auth/login", json=wrong)).status_code == 401
    await _record(SYSTEM, "settle_payment", "payment", "a")
    records = (await _look(api, admin))["records"]
    assert [(record["action"], record["address"]) for record in records] == [
        ("settle_payment", None),
        ("refuse_log_in", "127.0.0.1"),
    ]
