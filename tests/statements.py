"""Every SQL statement of app/ and tasks/, as a parser reads it: what it writes, what it reads.

Statements are string literals (basedpyright sees to that: `LiteralString`), so they are found in
the syntax tree of each file. A function of our own schema that a statement calls
(`runner.enqueue(…)`) is not looked into.
"""

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

ROOT = Path(__file__).resolve().parent.parent
_FILES = sorted(
    file
    for file in [*ROOT.glob("app/**/*.py"), *ROOT.glob("tasks/**/*.py")]
    if not file.is_relative_to(ROOT / "app/sandbox")  # it has tables of its own, in SQLite
)
_BEGINS = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH|MERGE|TRUNCATE|LOCK|TABLE|COPY)\b")
_NAMES_A_TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|USING)\s+[a-z_]+\b")
_PARAMETER = re.compile(r"%\(\w+\)s")
_SYSTEM_CATALOGUE = re.compile(r"pg_\w+")


class Use(NamedTuple):
    """A table that the SQL of a room touches. `verb` is `reads` or `writes`."""

    room: str
    table: str
    verb: str


class Piece(NamedTuple):
    """A literal that looks like SQL and cannot be read: most likely part of a statement."""

    file: str
    line: int


def read_all() -> tuple[set[Use], list[Piece]]:
    """All tables that the code touches, and the literals that hide what they touch."""
    uses: set[Use] = set()
    pieces: list[Piece] = []
    for file in _FILES:
        for line, text in _texts(ast.parse(file.read_text())):
            try:
                uses |= {Use(room_of(file), table, verb) for table, verb in tables_of(text)}
            except ParseError:
                pieces.append(Piece(str(file.relative_to(ROOT)), line))
    return uses, pieces


def read_whole() -> Iterator[tuple[Piece, str]]:
    """Each literal that is a whole statement, as Postgres numbers its parameters."""
    for file in _FILES:
        for line, text in _texts(ast.parse(file.read_text())):
            with suppress(ParseError):
                tables_of(text)
                names = list(dict.fromkeys(_PARAMETER.findall(text)))
                numbered = _PARAMETER.sub(lambda m, names=names: f"${names.index(m[0]) + 1}", text)
                yield Piece(str(file.relative_to(ROOT)), line), numbered.replace("%%", "%")


def room_of(file: Path) -> str:
    """`market/bookings` for a file of that room; `foundation/queue`, whose rooms are files."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return "/".join(parts[1:3] if parts[0] == "app" else parts[:2])


def tables_of(statement: str) -> set[tuple[str, str]]:
    """The tables of a statement, each with `reads` or `writes`. Raises ParseError."""
    text = _PARAMETER.sub("NULL", statement).replace("%%", "%")
    found: set[tuple[str, str]] = set()
    for tree in sqlglot.parse(text, dialect="postgres"):
        if tree is None or isinstance(tree, exp.Command):
            raise ParseError(f"not read: {text}")
        found |= {
            (table.name, "writes" if _is_written(table) else "reads")
            for table in tree.find_all(exp.Table)
            if not _is_elsewhere(table)
        }
    return found


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        looks_like_sql = _BEGINS.match(node.value) or _NAMES_A_TABLE.search(node.value)
        if looks_like_sql and id(node) not in prose:
            yield node.lineno, node.value


def _is_written(table: exp.Table) -> bool:
    place = table.parent
    if isinstance(place, exp.Schema):  # INSERT INTO table (columns)
        place = place.parent
    return isinstance(place, exp.Insert | exp.Update | exp.Delete | exp.Merge) and (
        place.this is table or place.this is table.parent
    )


def _is_elsewhere(table: exp.Table) -> bool:
    """Whether a name is no table of ours: a function, a catalogue, an alias, a WITH query."""
    return (
        not isinstance(table.this, exp.Identifier)
        or _SYSTEM_CATALOGUE.fullmatch(table.name) is not None
        or isinstance(table.parent, exp.Lock)
        or table.name in _with_queries_seen_from(table)
    )


def _with_queries_seen_from(table: exp.Table) -> set[str]:
    """The names that WITH gives to queries where a table is named; a query cannot name itself."""
    names: set[str] = set()
    node: exp.Expression | None = table
    own: exp.CTE | None = None
    while node is not None:
        if isinstance(node, exp.CTE):
            own = node
        if clause := node.args.get("with_"):
            for query in clause.expressions:
                if query is own and not clause.args.get("recursive"):
                    break
                names.add(query.alias)
        node = node.parent
    return names
