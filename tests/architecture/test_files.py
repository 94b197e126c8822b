"""What can be said about all files at once: sizes, names, swallowed errors, SQL, the schema."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from app.development import schema, states
from app.foundation.db import fetch_values, transaction

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*ROOT.glob("app/**/*.py"), *ROOT.glob("tasks/**/*.py")])
OWN_MIGRATIONS = sorted(ROOT.glob("migrations/*.sql"))[1:]  # the first is procrastinate's
LINES_OF_FUNCTION_MAX = 70
LINES_OF_FILE_MAX = 400
NAMES_THAT_SAY_NOTHING = {
    "base", "common", "core", "handler", "helper", "helpers", "manager", "misc", "service",
    "services", "shared", "util", "utils",
}  # fmt: skip
# business_now() itself; how long a log-in is good; and the queue, which keeps the server's time,
# with the laws about it.
MAY_ASK_THE_SERVER_FOR_THE_TIME = {
    "migrations/0002_business_clock.sql",
    "app/people/accounts/queries/sessions.py",
    "app/people/mail_links/queries.py",
    "app/people/second_factors/queries.py",
    "app/operations/invariants/queries/jobs.py",
    "app/operations/jobs/queries/health.py",
    "app/operations/jobs/queries/jobs.py",
    "app/operations/jobs/queries/retention.py",
    "app/foundation/idempotency.py",  # and a limit, which its statement takes from
    "app/foundation/limits.py",
    "app/foundation/locks.py",
    "app/foundation/queue.py",
    "migrations/0014_runner.sql",
    "migrations/0015_job_operations.sql",
    "migrations/0026_runner_take_jobs.sql",
    "migrations/0033_timers_and_times.sql",
    "tasks/runner/queries.py",
    "tasks/runner/reaping_queries.py",
    "tasks/runner/timer_queries.py",
}
SERVER_TIME = re.compile(
    r"(?<!business_)\b(?:now\(\)|current_timestamp|current_date)", re.IGNORECASE
)


def identify(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_function_is_too_long_to_be_read_at_once() -> None:
    long = [
        f"{identify(file)}:{function.lineno} {function.name}"
        for file in FILES
        for function in functions(file)
        if (function.end_lineno or 0) - function.lineno >= LINES_OF_FUNCTION_MAX
    ]
    assert long == []


def test_no_file_is_too_long_to_fit_in_a_head() -> None:
    long = [identify(f) for f in FILES if len(f.read_text().splitlines()) >= LINES_OF_FILE_MAX]
    assert long == []


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    vague = {
        identify(f)
        for f in FILES
        if NAMES_THAT_SAY_NOTHING & {f.stem, *f.relative_to(ROOT).parent.parts}
    }
    assert vague == set()


def test_no_exception_is_swallowed_without_a_word() -> None:
    swallowed = [
        f"{identify(file)}:{node.lineno}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and _does_nothing(node)
    ]
    assert swallowed == []


def _is_broad(node: ast.ExceptHandler) -> bool:
    names = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else set()
    return node.type is None or bool(names & {"Exception", "BaseException"})


def _does_nothing(node: ast.ExceptHandler) -> bool:
    return all(isinstance(statement, ast.Pass | ast.Continue) for statement in node.body)


@pytest.mark.parametrize("file", [*FILES, *OWN_MIGRATIONS], ids=identify)
def test_business_time_is_asked_of_the_business_clock(file: Path) -> None:
    """`now()` in SQL is the server's time, which business time may be ahead of."""
    if identify(file) in MAY_ASK_THE_SERVER_FOR_THE_TIME:
        return
    text = "\n".join(_sql_texts(file)) if file.suffix == ".py" else _uncommented(file.read_text())
    assert SERVER_TIME.findall(text) == []


def _sql_texts(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if re.search(r"^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s", text):
                yield text


def _uncommented(sql: str) -> str:
    return re.sub(r"--.*", "", sql)


class Import(NamedTuple):
    """A name that a file binds by importing it from a room."""

    file: Path
    room: str  # the room that it comes from: `market/bookings`
    path: str  # where in that room: `actions`, `model.Booking`
    name: str  # what the file calls it

    def __str__(self) -> str:
        return f"{identify(self.file)}: {self.path} of {self.room} as {self.name}"

    @property
    def is_foreign(self) -> bool:
        """Whether the file lies outside of the room."""
        return not identify(self.file).startswith(f"app/{self.room}/")


ROOMS = {
    f"{folder.parent.name}/{folder.name}"
    for wing in ("people", "edge", "money", "market", "flows", "operations")
    for folder in (ROOT / "app" / wing).iterdir()
    if (folder / "model.py").exists()
}


def imports_from_rooms() -> Iterator[Import]:
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                _, *within = node.module.split(".")
                room = "/".join(within[:2])
                for alias in node.names if room in ROOMS else ():
                    path = ".".join([*within[2:], alias.name])
                    yield Import(file, room, path, alias.asname or alias.name)


def test_the_queries_of_a_room_are_imported_by_that_room_alone() -> None:
    foreign = [
        str(each)
        for each in imports_from_rooms()
        if each.path.startswith("queries") and each.is_foreign
    ]
    assert foreign == []


def test_routes_ask_actions_and_never_queries() -> None:
    asked = [
        str(each)
        for each in imports_from_rooms()
        if each.path.startswith("queries") and each.file.stem == "routes"
    ]
    assert asked == []


def test_a_name_that_is_a_rooms_name_means_the_actions_of_that_room() -> None:
    """So `payments.get(…)` says the same in every file; rules are called `payment_rules`."""
    names = {room.split("/")[1] for room in ROOMS}
    otherwise = [
        str(each)
        for each in imports_from_rooms()
        if each.name in names
        and each.is_foreign
        and (each.path, each.name) != ("actions", each.room.split("/")[1])
    ]
    assert otherwise == []


async def test_schema_sql_is_what_the_migrations_make(database_url: str) -> None:
    assert schema.dump(database_url) == schema.FILE.read_text(), (
        "run: uv run python -m app.development.schema"
    )


def test_states_md_is_drawn_from_the_tables_of_moves() -> None:
    assert states.draw() == states.FILE.read_text(), "run: uv run python -m app.development.schema"


def test_every_table_of_moves_is_drawn_in_states_md() -> None:
    with_moves = {identify(f) for f in FILES if re.search(r"^MOVES\b", f.read_text(), re.MULTILINE)}
    drawn = {machine.room.removesuffix(".py") for machine in states.MACHINES}
    rooms = {re.sub(r"(/model(/\w+)?)?(\.py)?$", "", f) for f in with_moves}
    assert rooms == drawn


async def test_every_table_says_what_it_is_and_has_a_primary_key(pool: None) -> None:
    async with transaction() as tx:
        lacking = await fetch_values(
            tx,
            str,
            """
            SELECT relname::text FROM pg_class
             WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
               AND relname NOT LIKE 'procrastinate_%' AND relname <> 'migrations'
               AND (obj_description(oid, 'pg_class') IS NULL OR NOT EXISTS (
                   SELECT FROM pg_constraint WHERE conrelid = pg_class.oid AND contype = 'p'))""",
        )
    assert lacking == []


async def test_every_index_is_valid(pool: None) -> None:
    async with transaction() as tx:
        broken = await fetch_values(
            tx, str, "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
        )
    assert broken == []
