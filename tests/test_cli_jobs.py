"""`berthold jobs`: what an operator sees and does in a terminal."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from click.testing import Result

from tests.command import run
from tests.stories.processes import Program

PERIODIC = """
    INSERT INTO job_ticks (name, cron, last_tick, next_tick)
    VALUES ('cleanup', '17 * * * *', now(), now() + interval '1 hour')"""


class Terminal:
    """A command line on a database of the test's own."""

    def __init__(self, patch: pytest.MonkeyPatch, database: Any, url: str) -> None:
        self._patch = patch
        self._database = database
        self.url = url

    def say(self, *arguments: str) -> Result:
        return run(self._patch, "jobs", *arguments, DATABASE_URL=self.url)

    def printed(self, *arguments: str) -> str:
        result = self.say(*arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def read(self, *arguments: str) -> Any:
        return json.loads(self.say(*arguments, "--json").output)

    def sql(self, statement: str) -> None:
        self._database.execute(statement)
        self._database.commit()

    def add(self, task: str, status: str = "todo") -> None:
        self.sql(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts, args)"
            f""" VALUES ('q', '{task}', '{status}', 1, '{{"token": "x", "id": 5}}')"""
        )

    def reasons(self) -> list[tuple[str, ...]]:
        rows = self._database.execute(
            "SELECT action, subject_id, reason FROM audit_log ORDER BY id"
        )
        return rows.fetchall()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, fresh_database: Any, database_url: str) -> Terminal:
    return Terminal(monkeypatch, fresh_database, database_url)


def test_jobs_are_listed_and_shown_without_secrets(terminal: Terminal) -> None:
    terminal.add("a", "failed")
    terminal.add("b")
    terminal.sql("INSERT INTO job_errors VALUES (1, 1, now(), 'E: too late', 'Traceback: here')")
    everything = terminal.printed("list").splitlines()
    assert everything[0].split() == ["ID", "STATUS", "QUEUE", "TASK", "TRIES", "ERROR"]
    assert everything[1].split() == ["2", "todo", "q", "b", "1"]
    assert everything[2].split() == ["1", "failed", "q", "a", "1", "E:", "too", "late"]
    assert [job["id"] for job in terminal.read("list", "--status", "failed")["jobs"]] == [1]
    assert terminal.read("list", "--queue", "none")["jobs"] == []
    assert [job["id"] for job in terminal.read("list", "--task", "b")["jobs"]] == [2]
    seen = terminal.printed("show", "1")
    assert "Traceback: here" in seen
    assert '{"token":"[hidden]","id":5}' in seen or '{"id":5,"token":"[hidden]"}' in seen
    missing = terminal.say("show", "99")
    assert (missing.exit_code, missing.output) == (1, "Error: There is no job 99.\n")


def test_jobs_are_retried_and_cancelled_and_the_reason_is_kept(terminal: Terminal) -> None:
    for status in ("failed", "failed", "failed"):
        terminal.add("a", status)
    assert terminal.printed("retry", "1", "--reason", "Again") == "job 1 is todo\n"
    assert terminal.printed("cancel", "1", "2", "--reason", "No") == (
        "job 1 is cancelled\njob 2 is cancelled\n"
    )
    assert terminal.printed("retry", "--dead", "--reason", "All") == "1 jobs are queued again\n"
    done = terminal.say("retry", "3", "--reason", "Again")
    assert (done.exit_code, done.output) == (1, "Error: Job 3 is todo.\n")
    assert [(action, subject) for action, subject, _ in terminal.reasons()] == [
        ("retry_job", "1"),
        ("cancel_job", "1"),
        ("cancel_job", "2"),
        ("retry_job", "3"),
    ]
    assert all(reason.endswith(", on the command line)") for *_, reason in terminal.reasons())


@pytest.mark.parametrize(
    "arguments",
    [("retry", "--reason", "x"), ("retry", "1"), ("cancel", "--reason", "x"),
     ("pause", "house", "x"), ("retry", "1", "--dead", "--reason", "x"),
     ("unlock", "1", "--reason", "x")],
)  # fmt: skip
def test_a_jobs_command_that_lacks_something_does_nothing(
    terminal: Terminal, arguments: tuple[str, ...]
) -> None:
    assert terminal.say(*arguments).exit_code == 2
    assert terminal.reasons() == []


def test_a_queue_is_paused_and_goes_on(terminal: Terminal) -> None:
    assert (
        terminal.printed("pause", "queue", "mail", "--reason", "x") == "the queue mail is paused\n"
    )
    assert [queue["paused"] for queue in terminal.read("stats")["queues"]] == [True]
    terminal.printed("pause", "task", "settle-payment", "--reason", "x")
    assert "\npaused tasks: settle-payment\n" in terminal.say("stats").output
    assert (
        terminal.printed("resume", "queue", "mail", "--reason", "x") == "the queue mail goes on\n"
    )
    assert terminal.read("stats")["queues"] == []


def test_a_job_that_no_worker_takes_is_printed_as_queued(terminal: Terminal) -> None:
    terminal.sql(PERIODIC)
    queued = terminal.say("run", "cleanup", "--wait", "0")
    assert (queued.exit_code, queued.output) == (2, "cleanup (job 1) is queued\n")
    unknown = terminal.say("run", "x")
    assert unknown.exit_code == 1
    assert "No worker knows a periodic job x" in unknown.output


def test_jobs_stats_print_what_is_wrong(terminal: Terminal) -> None:
    terminal.sql(PERIODIC)
    terminal.add("a")
    result = terminal.say("stats")
    assert result.exit_code == 1
    assert "no worker is alive" in result.output
    assert ["q", "1", "0", "0", "0"] in [line.split()[:5] for line in result.output.splitlines()]
    assert ["cleanup", "new"] in [line.split()[:2] for line in result.output.splitlines()]


def test_a_job_lock_is_listed_and_taken_away(terminal: Terminal) -> None:
    terminal.sql(
        """
        INSERT INTO job_locks (name, id, instance, backend_pid, backend_start, expires_at)
        VALUES ('cleanup', '01a1feb4-0000-7000-8000-000000000000', 'gone:1', 1, now(),
                now() + interval '5 minutes')"""
    )
    (lock,) = terminal.read("locks")
    assert "left behind" in terminal.printed("locks")
    said = terminal.printed("unlock", lock["id"], "--reason", "It is gone")
    assert said.splitlines()[-1] == "the lock is free"
    assert terminal.read("locks") == []
    assert terminal.say("unlock", lock["id"], "--reason", "Again").exit_code == 1
    assert [action for action, *_ in terminal.reasons()] == ["release_job_lock"]


def test_a_worker_takes_its_queues_and_a_job_is_run_at_once(terminal: Terminal) -> None:
    options = ["--queues", "periodic, mail", "--concurrency", "3"]
    worker = Program(["-m", "app.cli", "worker", *options], {"DATABASE_URL": terminal.url})
    try:
        give_up_at = time.monotonic() + 60
        while not (health := terminal.read("stats"))["workers"] or not health["periodic"]:
            assert time.monotonic() < give_up_at, health
            time.sleep(0.2)
        (seen,) = health["workers"]
        assert (seen["queues"], seen["concurrency"]) == (["periodic", "mail"], 3)
        done = terminal.say("run", "cleanup-locks", "--wait", "60")
        assert done.exit_code == 0, done.output
        assert done.output.endswith("is done: 0\n")
    finally:
        assert worker.stop() == 0


def test_jobs_stats_watch_prints_again_until_it_is_stopped(terminal: Terminal) -> None:
    command = ["-m", "app.cli", "jobs", "stats", "--watch", "--every", "0.05"]
    with subprocess.Popen(
        [sys.executable, *command],
        env=os.environ | {"DATABASE_URL": terminal.url},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        seen = 0
        while seen < 3:
            line = process.stdout.readline()
            assert line, "it has ended"
            seen += line == "no worker is alive\n"
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(30) == 0
