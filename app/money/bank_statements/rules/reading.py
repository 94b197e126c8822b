"""Read a file of a bank, whichever format it has; refuse it whole if anything is wrong with it."""

from typing import Final

from app.money.bank_statements.model import FileStatement, StatementRefused
from app.money.bank_statements.rules import camt, mt940
from app.money.bank_statements.rules.amounts import Refused, check_sum

FILE_BYTES_MAX: Final = 20_000_000  # about 20,000 entries of camt.053
_BOMS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def read(data: bytes, file_name: str) -> list[FileStatement]:
    """The statements of a file, each with entries that make its balances.

    Raises StatementRefused, which names the file, the line, and what is wrong there.
    """
    try:
        return _read(data)
    except Refused as refused:
        where = f"{file_name}:{refused.line}" if refused.line else file_name
        raise StatementRefused.field("file", f"{where}: {refused.why}") from refused


def _read(data: bytes) -> list[FileStatement]:
    if len(data) > FILE_BYTES_MAX:
        raise Refused(0, f"it is larger than {FILE_BYTES_MAX:,} bytes")
    statements = camt.read(data) if _is_xml(data) else mt940.read(data)
    for statement in statements:
        check_sum(statement)
    return statements


def _is_xml(data: bytes) -> bool:
    for bom in _BOMS:
        data = data.removeprefix(bom)
    return data.lstrip(b"\x00 \t\r\n")[:1] == b"<"
