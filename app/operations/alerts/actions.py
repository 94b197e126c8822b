"""List, read, acknowledge and resolve alerts."""

from uuid import UUID

from app.foundation import alerts, audit, paging, states
from app.foundation.alerts import MOVES, Alert, AlertFilter, AlertState
from app.foundation.audit import Actor, ActorRole, Subject
from app.foundation.db import Tx, plan_for_values
from app.operations.alerts.model import AlertNotFound, AlertPage


async def read_page(tx: Tx, wanted: AlertFilter, *, limit: int, cursor: str | None) -> AlertPage:
    """A page of alerts, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_id(cursor)
    await plan_for_values(tx)
    found = await alerts.list_alerts(tx, wanted, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda alert: alert.id)
    return AlertPage(alerts=page, next_cursor=next_cursor)


async def read(tx: Tx, alert_id: UUID) -> Alert:
    """One alert. Raises AlertNotFound."""
    if alert := await alerts.find_alert(tx, alert_id):
        return alert
    raise AlertNotFound(f"There is no alert {alert_id}.")


async def acknowledge(tx: Tx, alert_id: UUID, *, admin_id: UUID) -> Alert:
    """Record that an operator works on it. Raises AlertNotFound, MoveRefused."""
    return await _move(tx, alert_id, AlertState.ACKNOWLEDGED, "acknowledge_alert", admin_id)


async def resolve(tx: Tx, alert_id: UUID, *, admin_id: UUID, note: str) -> Alert:
    """Record that it is dealt with, and how. If its cause is seen again, a new alert opens.

    Raises AlertNotFound, MoveRefused.
    """
    return await _move(tx, alert_id, AlertState.RESOLVED, "resolve_alert", admin_id, note=note)


async def _move(
    tx: Tx, alert_id: UUID, to: AlertState, action: str, admin_id: UUID, *, note: str = ""
) -> Alert:
    alert = await read(tx, alert_id)
    states.check(MOVES, alert.state, to)
    moved = await alerts.move_alert(tx, alert, to, admin_id=admin_id, note=note)
    if moved is None:
        raise states.MoveRefused("Somebody else changed this alert at the same moment.")
    await audit.record(
        tx,
        by=Actor(ActorRole.ADMIN, admin_id),
        action=action,
        subject=Subject("alert", alert_id),
        before={"state": alert.state},
        after={"state": moved.state},
        reason=note,
    )
    return moved
