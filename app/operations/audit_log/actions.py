"""Read the audit log."""

from app.foundation import audit, paging
from app.foundation.audit import AuditFilter
from app.foundation.db import Tx, plan_for_values
from app.operations.audit_log.model import AuditPage


async def read_page(tx: Tx, wanted: AuditFilter, *, limit: int, cursor: str | None) -> AuditPage:
    """A page of the audit log, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_time_and_row_id(cursor)
    await plan_for_values(tx)
    records = await audit.list_records(tx, wanted, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(records, limit, by=lambda record: (record.at, record.id))
    return AuditPage(records=page, next_cursor=next_cursor)
