"""schema.sql: what the migrations come to. `python -m app.development.schema` writes it."""

import asyncio
import re
import subprocess
import tempfile
from pathlib import Path

from app.development.postgres import program, running_postgres
from app.foundation.migrate import migrate

FILE = Path(__file__).resolve().parent.parent.parent / "schema.sql"

_HEADER = (
    "-- What migrations/ come to. Not for editing: python -m app.development.schema writes it.\n"
)
# What differs from one dump to the next or with the version of Postgres: the password of a dump,
# the versions that it names, and the version of a column, which servers since 15.20 store with it.
_PASSING = re.compile(
    r"\\(un)?restrict |-- Dumped |ALTER TABLE ONLY \S+ ALTER COLUMN \S+ SET \(pg_attver=\d+\);$"
)


def dump(url: str) -> str:
    """The schema of a database as SQL, the same for the same schema."""
    command = [program("pg_dump"), "--schema-only", "--no-owner", "--no-privileges", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kept = [line for line in text.splitlines() if not _PASSING.match(line)]
    return _HEADER + "\n".join(kept).strip() + "\n"


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="berthold-") as folder,
        running_postgres(Path(folder) / "pg", durable=False) as server,
    ):
        asyncio.run(migrate(server.url))
        FILE.write_text(dump(server.url))


if __name__ == "__main__":
    main()
