"""What a benchmark runs against: its own Postgres, as durable as by default, web and worker."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import psutil

from app.development.postgres import Server, running_postgres
from app.foundation.logs import configure_logs
from app.foundation.migrate import migrate

_READY_WITHIN_S = 60
_SETTLE_S = 3


@contextmanager
def running_database() -> Iterator[Server]:
    """A migrated, empty database on a server of its own, and an environment that names it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything below cleans up
    with (
        tempfile.TemporaryDirectory(prefix="berthold-bench-") as folder,
        running_postgres(Path(folder) / "pg", durable=True) as server,
    ):
        os.environ |= {
            "BERTHOLD_ENV": "test",
            "DATABASE_URL": server.url,
            "LOG_LEVEL": "WARNING",  # here; web and worker log at INFO, as in production
        }
        configure_logs("WARNING", json=False)
        asyncio.run(migrate(server.url))
        yield server


class Web(msgspec.Struct, frozen=True):
    """A web server: where it listens, and its first process."""

    port: int
    process: psutil.Process


class Build(msgspec.Struct, frozen=True):
    """A commit in a folder with an environment of its own, and its database."""

    folder: Path
    database_url: str

    @property
    def python(self) -> str:
        return str(self.folder / ".venv" / "bin" / "python")


@contextmanager
def running_web(
    *, workers: int, app: str = "app.main:create_app", build: Build | None = None
) -> Iterator[Web]:
    """Berthold (or another ASGI application) under uvicorn, when it is ready; or another build."""
    port = free_port()
    factory = [] if app.endswith(":app") else ["--factory"]
    options = [
        "--loop",
        "uvloop",
        "--http",
        "httptools",
        "--no-access-log",
        "--log-level",
        "warning",
    ]
    numbers = ["--port", str(port), "--workers", str(workers)]
    with _running("-m", "uvicorn", app, *factory, *options, *numbers, build=build) as process:
        _wait_until_ready(port)
        time.sleep(_SETTLE_S)  # the other workers of this server
        yield Web(port, process)


@contextmanager
def running_worker() -> Iterator[psutil.Process]:
    """A worker with nothing to do."""
    with _running("-m", "tasks.worker") as process:
        time.sleep(_SETTLE_S)
        yield process


@contextmanager
def _running(*arguments: str, build: Build | None = None) -> Iterator[psutil.Process]:
    # A few clients stand for everybody: they may hold more than one guest may.
    own = {"LIMITS_SCALE": os.environ.get("LIMITS_SCALE", "1000")}
    database = {"DATABASE_URL": build.database_url} if build else {}
    process = psutil.Popen(
        [build.python if build else sys.executable, *arguments],
        env=os.environ | {"LOG_LEVEL": "INFO"} | own | database,
        stdout=subprocess.DEVNULL,
        cwd=build.folder if build else None,
    )
    try:
        yield process
        if process.poll() is not None:
            raise ChildProcessError(f"{arguments} ended with {process.returncode}")
    finally:
        _stop(process)


def _stop(process: psutil.Popen) -> None:
    family = [process, *process.children(recursive=True)] if process.is_running() else []
    if process.poll() is None:
        process.terminate()
    _, alive = psutil.wait_procs(family, timeout=15)
    for left in alive:
        left.kill()


def idle_memory_mb(*processes: psutil.Process) -> float:
    """Memory of processes and their children, shared pages divided among those that share them."""
    family = {p for process in processes for p in [process, *process.children(recursive=True)]}
    return round(sum(_pss_kb(process.pid) for process in family) / 1024, 1)


def _pss_kb(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found, rollup
    return int(found[1])


def report(figures: Mapping[str, object]) -> None:
    """The figures as the last line: one JSON object."""
    load_1m, load_5m, _ = os.getloadavg()
    print(f"load average {load_1m:.1f} (1 min), {load_5m:.1f} (5 min), {os.cpu_count()} cores")
    print(msgspec.json.encode({**figures, "load_1m": round(load_1m, 1)}).decode(), flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the web process did not become ready")
