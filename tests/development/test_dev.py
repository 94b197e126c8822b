"""`berthold dev` as people use it: started, used, killed, started again, stopped."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

START_SECONDS_MAX = 60.0


class Dev:
    """`berthold dev` on ports of its own, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.sandbox_port, self.mail_port = _free_ports(3)
        self.process: subprocess.Popen[str] | None = None

    def begin(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "app.cli", "dev", "--folder", str(self.folder)),
                *("--port", str(self.port)),
                *("--sandbox-port", str(self.sandbox_port)),
                *("--mail-port", str(self.mail_port)),
            ],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self.process

    def start(self) -> None:
        process = self.begin()
        give_up_at = time.monotonic() + START_SECONDS_MAX
        while not self.is_ready():
            assert process.poll() is None, process.stdout and process.stdout.read()
            assert time.monotonic() < give_up_at
            time.sleep(0.1)

    def is_ready(self) -> bool:
        try:
            return httpx.get(self.url("/health/ready"), trust_env=False).is_success
        except httpx.TransportError:
            return False

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def descendants(self) -> list[psutil.Process]:
        """Everything that it runs; Postgres too, which detaches itself."""
        assert self.process
        children = psutil.Process(self.process.pid).children(recursive=True)
        postmaster = int((self.folder / "pg" / "postmaster.pid").read_text().splitlines()[0])
        return [*children, psutil.Process(postmaster)]

    def command(self, *arguments: str) -> str:
        """What another `berthold` command in another terminal says."""
        ended = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments, "--folder", str(self.folder)],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def environment(self) -> dict[str, str]:
        unset = {"BERTHOLD_ENV", "DATABASE_URL"}
        return {name: value for name, value in os.environ.items() if name not in unset}

    def trips(self) -> list[str]:
        reply = httpx.get(self.url("/api/listings?kind=trip"), trust_env=False)
        return [listing["id"] for listing in reply.json()["listings"]]

    def end(self, signum: signal.Signals) -> tuple[int, str]:
        """Send a signal; the exit code and all that was printed."""
        assert self.process
        self.process.send_signal(signum)
        output, _ = self.process.communicate(timeout=30)
        return self.process.returncode, output


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    running = Dev(tmp_path / "berthold")
    yield running
    if running.process and running.process.poll() is None:
        running.end(signal.SIGTERM)


def test_dev_comes_up_survives_being_killed_keeps_its_data_and_leaves_nothing(dev: Dev) -> None:
    dev.start()
    trips = dev.trips()
    assert len(trips) == 1

    second = Dev(dev.folder)
    output, _ = second.begin().communicate(timeout=20)
    assert "already running" in output

    dev.end(signal.SIGKILL)
    while dev.is_ready():  # its orphans end by themselves, in a moment
        time.sleep(0.1)
    dev.start()
    assert dev.trips() == trips

    assert "business time is" in dev.command("clock")
    assert "ok" in dev.command("audit")
    assert "is confirmed" in dev.command("demo")

    descendants = dev.descendants()
    code, output = dev.end(signal.SIGINT)
    assert code == 0, output
    assert "Traceback" not in output
    assert "host@berthold.example" in output
    assert f"berthold demo --folder {dev.folder}" in output
    gone, alive = psutil.wait_procs(descendants, timeout=5)
    assert alive == []
    assert len(gone) >= 4  # web, worker, sandbox, Postgres


def test_dev_names_the_port_that_is_taken(dev: Dev) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", dev.sandbox_port))
        other.listen()
        output, _ = dev.begin().communicate(timeout=20)
    assert f"Port {dev.sandbox_port} is taken" in output
    assert "--sandbox-port" in output
