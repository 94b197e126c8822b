"""Child processes in one terminal: prefixed lines, restarts with backoff, no orphans."""

import asyncio
import signal
import sys
import time
from collections.abc import Mapping
from typing import Final

import click
import msgspec

_STEADY_SECONDS: Final = 30.0  # the ends of a child that ran this long are counted anew
_GRACE_SECONDS: Final = 10.0
_LINE_BYTES_MAX: Final = 16 * 1024 * 1024
_NAME_WIDTH: Final = 8


class GaveUp(Exception):
    """A child process that ends again and again."""


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """A `berthold` command to keep running, and the colour of its name."""

    name: str
    colour: str
    arguments: tuple[str, ...]
    restarts_max: int = 5  # in a row


def print_line(name: str, colour: str, line: str) -> None:
    """Print a line with the name of its process in front."""
    click.echo(click.style(f"{name:>{_NAME_WIDTH}} │ ", fg=colour) + line)


async def keep_running(child: Child, environment: Mapping[str, str]) -> None:
    """Run a child until cancelled, which stops it. Raises GaveUp if it will not stay up."""
    ended = 0
    while True:
        started = time.monotonic()
        code = await _run(child, environment)
        ended = 1 if time.monotonic() - started > _STEADY_SECONDS else ended + 1
        end = signal.Signals(-code).name if code < 0 else f"code {code}"
        if ended > child.restarts_max:
            raise GaveUp(f"{child.name} ended {ended} times in a row, last with {end}")
        wait_s = 0.5 * 2 ** (ended - 1)
        print_line(child.name, "red", f"ended with {end}; it starts again in {wait_s:g} s")
        await asyncio.sleep(wait_s)


async def _run(child: Child, environment: Mapping[str, str]) -> int:
    """Run a child once; returns its exit code."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.development.tethered",
        *child.arguments,
        stdin=asyncio.subprocess.PIPE,  # see tethered.py
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
        start_new_session=True,  # Ctrl-C reaches only the parent, which stops them in order
        limit=_LINE_BYTES_MAX,
    )
    printing = asyncio.create_task(_print_lines(child, process))
    try:
        return await process.wait()
    finally:
        await _stop(process)
        await printing


async def _print_lines(child: Child, process: asyncio.subprocess.Process) -> None:
    while process.stdout and (line := await process.stdout.readline()):
        print_line(child.name, child.colour, line.decode(errors="replace").rstrip())


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
