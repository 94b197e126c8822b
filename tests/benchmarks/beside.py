"""Reserving one seat with this build beside that of another commit, by turns in one run.

    uv run python -m tests.benchmarks.beside COMMIT [--turns 5] [--requests 4000] [--clients 50]

Each build has a web process, an environment and a database of its own, on one server, filled
alike. A turn asks both for as much, in slices: this, that, that, this, and so on, so that whatever
else the machine does comes over both. `ratio` is of accepted reservations per second, this build
to the other: the middle one of the turns. `cpu_ratio` compares the processor's time of web, the
other's to this one's, and `database_cpu_ratio` that of the sessions: they say most where the
machine is busy with other things. Takes three to four minutes.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import msgspec
import psutil

from app.development.postgres import Server
from tests.benchmarks import load, seed
from tests.benchmarks.world import Build, Web, report, running_database, running_web

ROOT: Final = Path(__file__).parents[2]
SLICES: Final = 8  # of a turn, for each build; even


class Side(msgspec.Struct):
    """A build that runs, the next seat to ask it for, and what each turn measured."""

    web: Web
    database: str
    seats: "count[int]"
    per_s: list[float] = msgspec.field(default_factory=list[float])
    cpu_ms: list[float] = msgspec.field(default_factory=list[float])  # of web, for each request
    database_cpu_ms: list[float] = msgspec.field(default_factory=list[float])
    p50_ms: list[float] = msgspec.field(default_factory=list[float])


def main() -> None:
    options = _options()
    with (
        running_database() as server,
        _checked_out(options.commit) as folder,
        _running(server, "this", ROOT, options) as this,
        _running(server, "other", folder, options) as other,
    ):
        for side in (this, other):
            _ask(side, options.requests // 2, options.clients)  # to warm up
        for turn in range(options.turns):
            _take_turn(this, other, options)
            ratio = this.per_s[-1] / other.per_s[-1]
            print(
                f"turn {turn + 1}: {this.per_s[-1]}/s, p50 {this.p50_ms[-1]} ms; other"
                f" {other.per_s[-1]}/s, p50 {other.p50_ms[-1]} ms; ratio {ratio:.3f}",
                flush=True,
            )
    ratios = [mine / its for mine, its in zip(this.per_s, other.per_s, strict=True)]
    report(
        {
            "commit": options.commit,
            "clients": options.clients,
            "per_s": this.per_s,
            "other_per_s": other.per_s,
            "cpu_ms": this.cpu_ms,
            "other_cpu_ms": other.cpu_ms,
            "cpu_ratio": round(sum(other.cpu_ms) / sum(this.cpu_ms), 3),
            "database_cpu_ms": this.database_cpu_ms,
            "other_database_cpu_ms": other.database_cpu_ms,
            "database_cpu_ratio": round(sum(other.database_cpu_ms) / sum(this.database_cpu_ms), 3),
            "ratios": [round(ratio, 3) for ratio in ratios],
            "ratio": round(statistics.median(ratios), 3),
            "ratio_of_all": round(sum(this.per_s) / sum(other.per_s), 3),
        }
    )


def _take_turn(this: Side, other: Side, options: argparse.Namespace) -> None:
    seconds: dict[int, float] = {id(this): 0.0, id(other): 0.0}
    waited: dict[int, list[load.Answer]] = {id(this): [], id(other): []}
    size = options.requests // SLICES
    worked = {id(side): _worked_s(side) for side in (this, other)}
    for number in range(SLICES):
        for side in (this, other) if number % 2 else (other, this):
            result = _ask(side, size, options.clients)
            seconds[id(side)] += result.seconds
            waited[id(side)] += result.answers
    for side in (this, other):
        whole = load.Result(waited[id(side)], seconds[id(side)])
        side.per_s.append(whole.per_s(201))
        side.p50_ms.append(whole.ms(50))
        now = _worked_s(side)
        web, database = (
            after - before for after, before in zip(now, worked[id(side)], strict=True)
        )
        side.cpu_ms.append(round(1000 * web / len(whole.answers), 3))
        side.database_cpu_ms.append(round(1000 * database / len(whole.answers), 3))


def _worked_s(side: Side) -> tuple[float, float]:
    """The processor's time that web has used, and the sessions of its database."""
    title = f" {side.database} [local]"
    sessions = [
        process
        for process in psutil.process_iter(["cmdline"])
        if title in " ".join(process.info["cmdline"] or [])
    ]
    return _cpu_s(side.web.process), sum(_cpu_s(session) for session in sessions)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _ask(side: Side, requests: int, clients: int) -> load.Result:
    guests = seed.Guests()
    calls = [guests.reserves_seat(next(side.seats)) for _ in range(requests)]
    return load.run(side.web.port, calls, clients=clients).must_be(201)


@contextmanager
def _running(
    server: Server, name: str, folder: Path, options: argparse.Namespace
) -> Iterator[Side]:
    """A build on a database that its own migrations have made."""
    server.create_database(name)
    build = Build(folder, server.database(name))
    subprocess.run(
        [build.python, "-m", "app.cli", "migrate"],
        check=True,
        cwd=folder,
        env=os.environ | {"DATABASE_URL": build.database_url},
        stdout=subprocess.DEVNULL,
    )
    seed.fill_people(build.database_url)
    trips = (options.turns + 1) * options.requests // seed.SEATS + 1
    seed.fill_trips(build.database_url, trips=trips)
    with running_web(workers=1, build=build) as web:
        yield Side(web, name, count())


@contextmanager
def _checked_out(commit: str) -> Iterator[Path]:
    """Another commit in a folder for a moment, with what it depends on."""
    with tempfile.TemporaryDirectory(prefix="berthold-beside-") as name:
        folder = Path(name) / "build"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", folder, commit], check=True)
        try:
            own = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
            subprocess.run(["uv", "sync", "--locked", "-q"], check=True, cwd=folder, env=own)
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", folder], check=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--clients", type=int, default=50)
    return parser.parse_args()


if __name__ == "__main__":
    main()
