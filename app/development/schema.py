"""The files that are written from the code: schema.sql, openapi.json and states.md.

`uv run python -m app.development.schema` writes all three; tests compare each with the code.
"""

import asyncio
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx

from app.development import openapi, states
from app.development.postgres import program, running_postgres
from app.foundation.logs import configure_logs
from app.foundation.migrate import migrate
from app.main import create_app

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


async def _describe_api() -> str:
    """The API's description, of an application that serves nobody: it needs no database."""
    app: Any = create_app()  # httpx has types of its own for the same thing
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://berthold.test") as api:
        return await openapi.dump(api)


def main() -> None:
    """Write all three, the schema by migrating a new database."""
    os.environ |= {"BERTHOLD_ENV": "test", "LOG_LEVEL": "WARNING"}
    configure_logs("WARNING", json=False)
    with (
        tempfile.TemporaryDirectory(prefix="berthold-") as folder,
        running_postgres(Path(folder) / "pg", durable=False) as server,
    ):
        os.environ["DATABASE_URL"] = server.url
        asyncio.run(migrate(server.url))
        FILE.write_text(dump(server.url))
        openapi.FILE.write_text(asyncio.run(_describe_api()))
    states.FILE.write_text(states.draw())
    print(f"wrote {FILE.name}, {openapi.FILE.name} and {states.FILE.name}")


if __name__ == "__main__":
    main()
