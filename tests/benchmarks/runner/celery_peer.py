"""Celery on Redis: `uv run --with celery --with redis …`, where there is a redis-server.

Its worker acknowledges a task before it runs it, and so loses tasks if it is killed.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

_SERVER = "redis-server"
_PREFETCH = 500


def measure(count: int, *, runs: int) -> float | None:
    """Jobs per second of one worker process; None where Celery or Redis is missing."""
    try:
        import celery  # noqa: F401  # pyright: ignore
        import redis  # noqa: F401  # pyright: ignore
    except ImportError:
        print("Celery is not installed: uv run --with celery --with redis", flush=True)
        return None
    if not shutil.which(_SERVER):
        print(f"Celery is not measured: there is no {_SERVER}", flush=True)
        return None
    rates = [_drain(count) for _ in range(runs)]
    print(f"drain, Celery on Redis: {' '.join(f'{rate:.0f}' for rate in rates)} /s", flush=True)
    return round(median(rates), 1)


def _drain(count: int) -> float:
    with _redis() as url:
        noop = _app(url).tasks["noop"]
        for _ in range(count):
            noop.delay(0)
        worker = subprocess.run(
            [sys.executable, "-m", __name__, url, str(count)], capture_output=True, check=True
        )
    return count / float(worker.stdout.split()[-1])


@contextmanager
def _redis() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "redis.sock"
        server = subprocess.Popen(
            [_SERVER, "--port", "0", "--unixsocket", str(socket), "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            while not socket.exists():
                time.sleep(0.01)
            yield f"redis+socket://{socket}"
        finally:
            server.terminate()
            server.wait()


def _app(url: str) -> Any:
    from celery import Celery  # pyright: ignore

    app = Celery("peer", broker=url)
    app.conf.update(
        task_ignore_result=True,
        worker_prefetch_multiplier=_PREFETCH,
        broker_connection_retry_on_startup=True,
        worker_redirect_stdouts=False,
    )

    @app.task(name="noop")
    def noop(sent: int) -> None:
        pass

    return app


def main() -> None:
    """The worker process: prints the seconds from the start of the first task to the last one."""
    from celery import signals  # pyright: ignore
    from celery.exceptions import WorkerShutdown  # pyright: ignore

    app, left, began = _app(sys.argv[1]), int(sys.argv[2]), 0.0

    @signals.task_prerun.connect
    def note_first(**_: Any) -> None:
        nonlocal began
        began = began or time.monotonic()

    @signals.task_postrun.connect
    def note_last(**_: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            print(time.monotonic() - began, flush=True)
            raise WorkerShutdown

    without = ("gossip", "mingle", "heartbeat")
    app.worker_main(["worker", "--pool=solo", *(f"--without-{what}" for what in without)])


if __name__ == "__main__":
    main()
