"""The server reads every statement of the code, also the oldest that README promises.

.ci/postgres15 runs this on PostgreSQL 15: a statement that no other test runs there may be new.
"""

import psycopg
from psycopg.pq import DiagnosticField

from tests.statements import read_whole


def test_the_server_understands_every_statement(fresh_database: psycopg.Connection) -> None:
    statements = list(read_whole())
    assert len(statements) > 250
    refused = [
        (piece, why) for piece, text in statements if (why := _refusal(fresh_database, text))
    ]
    assert refused == []


def _refusal(connection: psycopg.Connection, statement: str) -> str:
    """Why the server would not run it, or nothing. It is read and not run."""
    reply = connection.pgconn.prepare(b"", statement.encode())
    why = (reply.error_field(DiagnosticField.MESSAGE_PRIMARY) or b"").decode()
    # Parameters have types when psycopg sends them; and a beginning goes on in another literal.
    passing = why.startswith("operator does not exist") or why.endswith("at end of input")
    return "" if passing else why
