"""Read the audit log."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from app.foundation import audit
from app.foundation.audit import AuditFilter
from app.foundation.db import Tx, plan_for_values
from app.foundation.wire import read_cursor, write_cursor
from app.operations.audit_log.model import AuditPage

_RowId = Annotated[int, Meta(ge=0, le=2**63 - 1)]


async def read_page(tx: Tx, wanted: AuditFilter, *, limit: int, cursor: str | None) -> AuditPage:
    """A page of the audit log, newest first. Raises Invalid for a made-up cursor."""
    before = read_cursor(cursor, tuple[datetime, _RowId]) if cursor else None
    await plan_for_values(tx)
    records = await audit.list_records(tx, wanted, before=before, limit=limit + 1)
    page = records[:limit]
    more = len(records) > limit
    return AuditPage(
        records=page, next_cursor=write_cursor(page[-1].at, page[-1].id) if more else None
    )
