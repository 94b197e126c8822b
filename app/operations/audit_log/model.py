"""A page of the audit log."""

from app.foundation.audit import AuditRecord
from app.foundation.wire import Output


class AuditPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    records: list[AuditRecord]
    next_cursor: str | None
