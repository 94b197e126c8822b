"""Alerts: raised once, counted while open, cleared by themselves, opened anew."""

import asyncio
from typing import Any

import msgspec
import pytest

from app.foundation.alerts import Severity, Sighting, raise_alert, raise_alerts, resolve_alert
from app.foundation.db import execute, fetch_all, transaction

pytestmark = pytest.mark.usefixtures("pool")


class Row(msgspec.Struct):
    kind: str
    subject: str
    severity: str
    state: str
    count: int
    details: dict[str, Any]


async def _rows() -> list[Row]:
    async with transaction() as tx:
        return await fetch_all(
            tx,
            Row,
            """
            SELECT kind, subject, severity, state, count, details
              FROM alerts ORDER BY id""",
        )


def _seen(subject: str, severity: Severity = Severity.WARNING, **details: Any) -> Sighting:
    return Sighting(kind="stuck", severity=severity, subject=subject, details=details)


async def _raise(*sightings: Sighting) -> None:
    async with transaction() as tx:
        await raise_alerts(tx, sightings)


async def test_an_alert_raised_again_is_counted_and_has_the_latest_details() -> None:
    await _raise(_seen("a", n=1), _seen("b", n=1))
    await _raise(_seen("a", Severity.CRITICAL, n=2))
    async with transaction() as tx:
        await raise_alert(tx, kind="other", severity=Severity.INFO, subject="a", details={"n": 3})
    assert await _rows() == [
        Row("stuck", "a", "critical", "open", 2, {"n": 2}),
        Row("stuck", "b", "warning", "open", 1, {"n": 1}),
        Row("other", "a", "info", "open", 1, {"n": 3}),
    ]


async def test_an_alert_repeated_within_one_call_is_raised_once() -> None:
    await _raise(_seen("a", n=1), _seen("a", n=2))
    assert await _rows() == [Row("stuck", "a", "warning", "open", 1, {"n": 2})]


async def test_a_call_without_alerts_raises_none() -> None:
    await _raise()
    assert await _rows() == []


async def test_an_acknowledged_alert_counts_on_and_is_not_opened_again() -> None:
    await _raise(_seen("a"))
    async with transaction() as tx:
        await execute(
            tx,
            """
            WITH admin AS (
                INSERT INTO accounts (id, email, name, roles, password_hash)
                VALUES (gen_random_uuid(), 'a@example.com', 'A', '{admin}', 'none')
             RETURNING id
            )
            UPDATE alerts
               SET state = 'acknowledged', acknowledged_at = business_now(),
                   acknowledged_by = admin.id
              FROM admin""",
        )
    await _raise(_seen("a"))
    assert [(row.state, row.count) for row in await _rows()] == [("acknowledged", 2)]


async def test_a_condition_that_clears_itself_resolves_its_alert_and_opens_it_anew() -> None:
    await _raise(_seen("a"), _seen("b"))
    async with transaction() as tx:
        assert await resolve_alert(tx, "stuck", "a")
        assert not await resolve_alert(tx, "stuck", "a"), "once"
        assert not await resolve_alert(tx, "other", "b")
    assert [(row.subject, row.state) for row in await _rows()] == [("a", "resolved"), ("b", "open")]
    await _raise(_seen("a"))
    assert [(row.subject, row.state, row.count) for row in await _rows()] == [
        ("a", "resolved", 1),
        ("b", "open", 1),
        ("a", "open", 1),
    ]


async def test_the_same_alerts_raised_at_once_in_any_order_neither_deadlock_nor_double() -> None:
    things = [_seen(str(n)) for n in range(20)]
    await asyncio.gather(*(_raise(*things[::step]) for step in (1, -1) * 10))
    rows = await _rows()
    assert sorted(row.subject for row in rows) == sorted(thing.subject for thing in things)
    assert {row.count for row in rows} == {20}
