"""Databases as copies of others, made and dropped by a test itself."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final

import psycopg
from psycopg.sql import SQL, Identifier

_KEEP: Final = """
    DO $$
    DECLARE name text;
    BEGIN
        CREATE SCHEMA kept;
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('CREATE TABLE kept.%1$I AS TABLE public.%1$I', name);
        END LOOP;
    END $$"""

# As a replica does it, without triggers and foreign keys. Sequences go on from where they are.
_BRING_BACK: Final = """
    DO $$
    DECLARE name text; columns text;
    BEGIN
        SET LOCAL session_replication_role = replica;
        FOR name, columns IN
            SELECT relname, string_agg(quote_ident(attname), ', ')
              FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
             WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
               AND attnum > 0 AND attgenerated = '' AND NOT attisdropped
             GROUP BY relname
        LOOP
            EXECUTE format('DELETE FROM public.%I', name);
            EXECUTE format(
                'INSERT INTO public.%1$I (%2$s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM kept.%1$I',
                name, columns);
        END LOOP;
    END $$"""

_END_OTHERS: Final = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND backend_type = 'client backend'"""


def url_of(*, host: str, port: int, user: str, dbname: str, **_: Any) -> str:
    """The URL of a database, from what pytest-postgresql knows of it."""
    return f"postgresql://{user}@/{dbname}?host={host}&port={port}"


def run_sql(connection: psycopg.Connection, sql: str) -> psycopg.Cursor:
    """Run SQL that a test has put together, of numbers and names of its own."""
    return connection.execute(sql.encode())


class Databases:
    """The databases of a running server, through a connection of their own."""

    def __init__(self, server: SimpleNamespace) -> None:
        self._server = server
        self._admin = psycopg.connect(self.url("postgres"), autocommit=True)

    def url(self, name: str) -> str:
        server = self._server
        return url_of(host=server.host, port=server.port, user=server.user, dbname=name)

    @contextmanager
    def copy(self, name: str, *, of: str) -> Generator[str]:
        """The URL of a copy that is there for this long. Ends all connections to the original."""
        self._admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [of]
        )
        # By files: half the time of going through the log, where nothing is lost in a power cut.
        create = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self._admin.execute(create.format(Identifier(name), Identifier(of)))
        try:
            yield self.url(name)
        finally:
            self._admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))

    @contextmanager
    def empty(self, name: str) -> Generator[str]:
        """The URL of a database without tables, which is there for this long."""
        self._admin.execute(SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)))
        try:
            yield self.url(name)
        finally:
            self._admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))

    @contextmanager
    def kept(self, name: str) -> Generator[Callable[[], None]]:
        """What ends all connections and brings back the rows of now: much quicker than a copy."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(_KEEP)

            def bring_back() -> None:
                connection.execute(_END_OTHERS)
                connection.execute(_BRING_BACK)

            yield bring_back

    def close(self) -> None:
        self._admin.close()
