"""One statement per function on what operators look at."""

from datetime import datetime

import msgspec

from app.db import Tx, fetch_all
from app.operations.model import AuditFilter, AuditRecord


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
