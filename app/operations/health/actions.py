"""What operators look at and do."""

from uuid import UUID

from app.edge.webhooks.model import EventPage
from app.foundation import audit, paging, states
from app.foundation.alerts import MOVES, AlertState
from app.foundation.audit import Actor, ActorRole, Subject
from app.foundation.db import Tx, plan_for_values
from app.market.bookings.actions import not_found
from app.operations.health import queries
from app.operations.health.model import (
    Alert,
    AlertFilter,
    AlertNotFound,
    AlertPage,
    AuditFilter,
    AuditPage,
)


async def read_audit(tx: Tx, wanted: AuditFilter, *, limit: int, cursor: str | None) -> AuditPage:
    """A page of the audit log, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_time_and_row_id(cursor)
    await plan_for_values(tx)
    records = await queries.audit_records(tx, wanted, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(records, limit, by=lambda record: (record.at, record.id))
    return AuditPage(records=page, next_cursor=next_cursor)


async def read_alerts(tx: Tx, wanted: AlertFilter, *, limit: int, cursor: str | None) -> AlertPage:
    """A page of alerts, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_id(cursor)
    await plan_for_values(tx)
    alerts = await queries.alerts(tx, wanted, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(alerts, limit, by=lambda alert: alert.id)
    return AlertPage(alerts=page, next_cursor=next_cursor)


async def read_alert(tx: Tx, alert_id: UUID) -> Alert:
    """Raises AlertNotFound."""
    if alert := await queries.find_alert(tx, alert_id):
        return alert
    raise AlertNotFound(f"There is no alert {alert_id}.")


async def read_webhooks(tx: Tx, booking_id: UUID, *, limit: int, cursor: str | None) -> EventPage:
    """A page of what gateways told about a booking's money, newest first.

    Raises BookingNotFound, and Invalid for a made-up cursor.
    """
    before = paging.read_id(cursor)
    if not await queries.is_booking(tx, booking_id):
        raise not_found(booking_id)
    events = await queries.webhooks_of_booking(tx, booking_id, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(events, limit, by=lambda event: event.id)
    return EventPage(webhooks=page, next_cursor=next_cursor)


async def acknowledge_alert(tx: Tx, alert_id: UUID, *, admin_id: UUID) -> Alert:
    """Somebody is at it. Raises AlertNotFound, MoveRefused."""
    return await _move_alert(
        tx, alert_id, AlertState.ACKNOWLEDGED, "acknowledge_alert", admin_id=admin_id
    )


async def resolve_alert(tx: Tx, alert_id: UUID, *, admin_id: UUID, note: str) -> Alert:
    """It is done with; the same thing, seen again, opens anew. Raises as acknowledging does."""
    return await _move_alert(
        tx, alert_id, AlertState.RESOLVED, "resolve_alert", admin_id=admin_id, note=note
    )


async def _move_alert(
    tx: Tx, alert_id: UUID, to: AlertState, action: str, *, admin_id: UUID, note: str = ""
) -> Alert:
    alert = await read_alert(tx, alert_id)
    states.check(MOVES, alert.state, to)
    moved = await queries.move_alert(tx, alert, to, admin_id=admin_id, note=note)
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
