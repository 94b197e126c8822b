"""pgbench doing the same SQL as a request: recorded from the application, not copied from it."""

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
from psycopg import AsyncCursor, abc
from psycopg.adapt import PyFormat, Transformer

from app.development.postgres import Server
from app.edge.gateways.registry import close_gateways, open_gateways
from app.foundation import db
from app.foundation.settings import settings
from app.main import create_app
from tests.application import transport_to

_PARAMETER = re.compile(r"%\((\w+)\)s")
_COMMENT = re.compile(r"--.*")  # to the end of its line


class Parameter(msgspec.Struct, frozen=True):
    """A value as text, and its type's name in SQL; none of a str, whose type the server infers."""

    text: str | None
    type: str


class Statement(msgspec.Struct, frozen=True):
    """One statement with its parameters, as psycopg sent it."""

    sql: str
    parameters: dict[str, Parameter]

    @property
    def writes(self) -> bool:
        return "INSERT INTO" in self.sql or "runner.enqueue" in self.sql


def record(request: bytes) -> list[Statement]:
    """The statements of one request to the application, which must succeed."""
    return asyncio.run(_record(request))


async def _record(request: bytes) -> list[Statement]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    await db.open_pool(os.environ["DATABASE_URL"], size_max=1)
    open_gateways(settings())
    try:
        async with db.transaction() as tx:
            await db.now(tx)  # what the pool asks a new connection is not of the request
        transport = transport_to(create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://bench.test") as client:
            with _recorded() as statements:
                reply = await client.post(first.split()[1], content=body, headers=headers)
            reply.raise_for_status()
    finally:
        await close_gateways()
        await db.close_pool()
    return statements


@contextmanager
def _recorded() -> Iterator[list[Statement]]:
    statements: list[Statement] = []
    original: Any = AsyncCursor.execute

    async def execute(self: AsyncCursor, query: str, params: Any = None, **options: Any) -> Any:
        dump, used = Transformer(self), set(_PARAMETER.findall(query)) if params else set[str]()
        parameters = {name: _parameter(dump, params[name]) for name in sorted(used)}
        statements.append(Statement(query, parameters))
        return await original(self, query, params, **options)

    AsyncCursor.execute = cast("Any", execute)
    try:
        yield statements
    finally:
        AsyncCursor.execute = original


def _parameter(dump: abc.Transformer, value: Any) -> Parameter:
    if value is None:
        return Parameter(None, "")
    dumper = dump.get_dumper(value, PyFormat.TEXT)
    dumped = dumper.dump(value)
    if dumped is None:
        return Parameter(None, "")
    text = bytes(dumped).decode()
    known = dump.adapters.types.get(dumper.oid)
    if known is None:
        return Parameter(text, "")
    return Parameter(text, known.regtype + "[]" * (dumper.oid == known.array_oid))


def pgbench(
    server: Server,
    statements: Sequence[Statement],
    *,
    preamble: Sequence[str],
    varying: dict[str, str],
    variables: dict[str, int],
    clients: int,
    transactions: int,
) -> float:
    """Transactions per second of so many in all, each of these statements between BEGIN and COMMIT.

    `varying` gives parameters by name an SQL expression over pgbench's variables, in which `{}`
    stands for the value that was recorded; the others are bound as they were recorded. `preamble`
    sets variables at the start of each transaction; `n` counts the transactions of a client from 0.
    """
    values: dict[str, str] = {name: str(value) for name, value in variables.items()}
    lines = ["\\set n :n + 1", *preamble, "BEGIN;"]
    lines += [_line(number, one, varying, values) for number, one in enumerate(statements)]
    lines += ["COMMIT;", ""]
    values |= {"n": "-1"}
    defined = [argument for name, text in values.items() for argument in ("-D", f"{name}={text}")]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        Path(script.name).write_text("\n".join(lines))
        done = subprocess.run(
            [
                server.program("pgbench"),
                *("--no-vacuum", "--protocol=prepared", f"--file={script.name}", "--jobs=2"),
                *(f"--client={clients}", f"--transactions={max(1, transactions // clients)}"),
                *defined,
                server.url,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode or "number of failed transactions: 0" not in done.stdout:
        raise RuntimeError(f"pgbench failed:\n{done.stdout}\n{done.stderr}")
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    assert found, done.stdout
    return float(found[1])


def _line(number: int, one: Statement, varying: dict[str, str], values: dict[str, str]) -> str:
    def bound(match: re.Match[str]) -> str:
        name = match[1]
        return (
            f"({varying[name].format(as_recorded(name))})"
            if name in varying
            else (as_recorded(name))
        )

    def as_recorded(name: str) -> str:
        parameter = one.parameters[name]
        if parameter.text is None:
            return "NULL"
        values[f"s{number}_{name}"] = parameter.text
        return f":s{number}_{name}" + (f"::{parameter.type}" if parameter.type else "")

    sql = _COMMENT.sub("", one.sql)  # pgbench gets a statement as one line
    sql = _PARAMETER.sub(bound, sql) if one.parameters else sql
    return " ".join(sql.replace("%%", "%").split()).rstrip(";") + ";"
