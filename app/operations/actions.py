"""What operators look at and do."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from app.db import Tx, plan_for_values
from app.operations import queries
from app.operations.model import AuditFilter, AuditPage
from app.wire import read_cursor, write_cursor

_RowId = Annotated[int, Meta(ge=0, le=2**63 - 1)]


async def read_audit(tx: Tx, wanted: AuditFilter, *, limit: int, cursor: str | None) -> AuditPage:
    """A page of the audit log, newest first. Raises Invalid for a made-up cursor."""
    before = read_cursor(cursor, tuple[datetime, _RowId]) if cursor else None
    await plan_for_values(tx)
    records = await queries.audit_records(tx, wanted, before=before, limit=limit + 1)
    page = records[:limit]
    more = len(records) > limit
    return AuditPage(
        records=page, next_cursor=write_cursor(page[-1].at, page[-1].id) if more else None
    )
