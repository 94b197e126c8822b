"""Child processes that end, and parents that do."""

import asyncio
import os
import subprocess
import sys

import pytest

from app.development.children import Child, GaveUp, keep_running


async def test_a_child_process_that_will_not_stay_up_is_given_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    child = Child(name="broken", colour="red", arguments=("no-such-command",), restarts_max=1)
    with pytest.raises(GaveUp, match="broken ended 2 times in a row, last with code 2"):
        await keep_running(child, os.environ)
    assert "it starts again in 0.5 s" in capsys.readouterr().out


def test_a_tethered_process_ends_when_its_parent_s_end_of_the_pipe_closes() -> None:
    program = (
        "import os, signal, threading, time; from app.development import tethered; "
        "threading.Thread(target=tethered._end_with_parent, daemon=True).start(); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.close()
    assert process.wait(timeout=20) == -15


async def test_a_child_process_that_is_cancelled_has_stopped_before_the_canceller_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    child = Child(name="sandbox", colour="blue", arguments=("sandbox", "--port", "0"))
    running = asyncio.create_task(keep_running(child, {**os.environ, "BERTHOLD_ENV": "test"}))
    await asyncio.sleep(0.3)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert "starts again" not in capsys.readouterr().out
