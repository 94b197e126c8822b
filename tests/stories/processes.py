"""Web and worker as processes of their own, to be killed."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

_READY_TRIES = 600  # a minute: the machine may be busy
_READY_PAUSE_S = 0.1


class Program:
    """One process; `kill` is kill -9."""

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        self._arguments = arguments
        self._environment = os.environ | environment
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, *self._arguments],
            env=self._environment,
            stdout=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def restart(self) -> None:
        self.process = self._start()

    def stop(self) -> int:
        """SIGTERM, as a platform stops it; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


class Web(Program):
    """A web process on a free port."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        super().__init__(["-m", "app.cli", "web", "--port", str(self.port)], environment)

    async def ready(self) -> None:
        async with httpx.AsyncClient(base_url=self.base_url) as client:
            for _ in range(_READY_TRIES):
                try:
                    if (await client.get("/health/ready")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(_READY_PAUSE_S)
        raise TimeoutError("the web process did not become ready")


class Worker(Program):
    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__(["-m", "app.cli", "worker"], environment)


@asynccontextmanager
async def running_web(environment: dict[str, str]) -> AsyncGenerator[Web, None]:
    web = Web(environment)
    try:
        await web.ready()
        yield web
    finally:
        web.stop()


@asynccontextmanager
async def running_worker(environment: dict[str, str]) -> AsyncGenerator[Worker, None]:
    worker = Worker(environment)
    try:
        yield worker
    finally:
        worker.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
