"""One statement per function on what operators look at."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.edge.webhooks.model import EventReply
from app.foundation.alerts import AlertState
from app.foundation.db import Tx, fetch_all, fetch_new_value, fetch_one
from app.operations.health.model import Alert, AlertFilter, AuditFilter, AuditRecord


async def audit_records(
    tx: Tx, wanted: AuditFilter, *, before: tuple[datetime, int] | None, limit: int
) -> list[AuditRecord]:
    """Newest first, older than the record of this instant and id."""
    before_at, before_id = before or (None, None)
    return await fetch_all(
        tx,
        AuditRecord,
        """
        SELECT * FROM audit_log
         WHERE (%(action)s::text IS NULL OR action = %(action)s)
           AND (%(subject_kind)s::text IS NULL OR subject_kind = %(subject_kind)s)
           AND (%(subject_id)s::text IS NULL OR subject_id = %(subject_id)s)
           AND (%(actor_role)s::text IS NULL OR actor_role = %(actor_role)s)
           AND (%(actor_id)s::uuid IS NULL OR actor_id = %(actor_id)s)
           AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
           AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
           AND (%(before_at)s::timestamptz IS NULL
                OR (at, id) < (%(before_at)s, %(before_id)s::bigint))
         ORDER BY at DESC, id DESC
         LIMIT %(limit)s""",
        **msgspec.structs.asdict(wanted),
        before_at=before_at,
        before_id=before_id,
        limit=limit,
    )


async def alerts(tx: Tx, wanted: AlertFilter, *, before: UUID | None, limit: int) -> list[Alert]:
    """Newest first (ids are in the order of time), older than the alert of this id."""
    return await fetch_all(
        tx,
        Alert,
        """
        SELECT * FROM alerts
         WHERE (%(state)s::text IS NULL OR state = %(state)s)
           AND (%(kind)s::text IS NULL OR kind = %(kind)s)
           AND (%(severity)s::text IS NULL OR severity = %(severity)s)
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        **msgspec.structs.asdict(wanted),
        before=before,
        limit=limit,
    )


async def is_booking(tx: Tx, booking_id: UUID) -> bool:
    return await fetch_new_value(
        tx, bool, "SELECT EXISTS (SELECT FROM bookings WHERE id = %(id)s)", id=booking_id
    )


async def webhooks_of_booking(
    tx: Tx, booking_id: UUID, *, before: UUID | None, limit: int
) -> list[EventReply]:
    """Events about a booking's charges, and attempts at its refunds and transfers; newest first."""
    return await fetch_all(
        tx,
        EventReply,
        """
        SELECT event.id, gateway, kind, name, reference, state, attempts, error, received_at,
               processed_at
          FROM webhook_events AS event
         WHERE reference IN (
               SELECT reference FROM payments WHERE booking_id = %(booking_id)s
                UNION ALL
               SELECT history.reference
                 FROM instructions
                 JOIN instruction_history AS history ON instruction_id = instructions.id
                WHERE booking_id = %(booking_id)s AND history.reference IS NOT NULL)
           AND (%(before)s::uuid IS NULL OR event.id < %(before)s)
         ORDER BY event.id DESC
         LIMIT %(limit)s""",
        booking_id=booking_id,
        before=before,
        limit=limit,
    )


async def find_alert(tx: Tx, alert_id: UUID) -> Alert | None:
    return await fetch_one(tx, Alert, "SELECT * FROM alerts WHERE id = %(id)s", id=alert_id)


async def move_alert(
    tx: Tx, alert: Alert, to: AlertState, *, admin_id: UUID, note: str
) -> Alert | None:
    """Move an alert on if it still is where `alert` saw it; else None."""
    return await fetch_one(
        tx,
        Alert,
        """
        UPDATE alerts
           SET state = %(to)s, note = %(note)s,
               acknowledged_at = CASE %(to)s WHEN 'acknowledged' THEN business_now()
                                 ELSE acknowledged_at END,
               acknowledged_by = CASE %(to)s WHEN 'acknowledged' THEN %(admin_id)s
                                 ELSE acknowledged_by END,
               resolved_at = CASE %(to)s WHEN 'resolved' THEN business_now() END,
               resolved_by = CASE %(to)s WHEN 'resolved' THEN %(admin_id)s::uuid END
         WHERE id = %(id)s AND state = %(was)s
     RETURNING *""",
        id=alert.id,
        was=alert.state,
        to=to,
        admin_id=admin_id,
        note=note,
    )
