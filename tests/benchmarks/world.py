"""What a benchmark runs against: its own Postgres, as durable as by default, and web."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from app.development.postgres import Server, running_postgres
from app.migrate import migrate


class World:
    """A running Postgres and web process."""

    def __init__(self, server: Server, url: str, port: int, web: psutil.Process) -> None:
        self.server = server
        self.url = url
        self.port = port
        self.web = web


@contextmanager
def running_world(*, processes: int) -> Iterator[World]:
    """Start everything on free ports and an empty database; stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="berthold-bench-") as folder:
        with running_postgres(Path(folder) / "pg", durable=True) as server:
            url = server.url
            asyncio.run(migrate(url))
            port = _free_port()
            environment = os.environ | {
                "BERTHOLD_ENV": "test",
                "DATABASE_URL": url,
                "WEB_CONCURRENCY": str(processes),
                "LOG_LEVEL": "WARNING",
            }
            command = [sys.executable, "-m", "app.cli", "web", "--port", str(port)]
            web = subprocess.Popen(command, env=environment)
            try:
                _wait_until_ready(port)
                yield World(server, url, port, psutil.Process(web.pid))
            finally:
                web.terminate()
                web.wait(15)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_ready(port: int) -> None:
    for _ in range(100):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the web process did not become ready")
