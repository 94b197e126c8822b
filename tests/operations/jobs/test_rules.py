"""What is hidden, and what counts as wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.operations.jobs.model import PeriodicState, Run, RunState, Timetable, Worker
from app.operations.jobs.rules import HIDDEN, health, periodic, redacted, redacted_text

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
SECRETS = ("q8Zt3VnL5xYw1RkP", "short")


@pytest.mark.parametrize(
    "name",
    ["secret", "clientSecret", "x-api-key", "API_KEY", "password", "accessToken", "cvv",
     "card_number", "Authorization", "accountNumber"],
)  # fmt: skip
def test_a_field_with_the_name_of_a_secret_is_hidden_at_any_depth(name: str) -> None:
    given = {"a": [{"b": {name: {"deep": 1}}}]}
    assert redacted(given, SECRETS) == {"a": [{"b": {name: HIDDEN}}]}


@pytest.mark.parametrize("value", [{"paymentId": "5", "n": 1.5, "none": None, "ok": True}, [], 5])
def test_a_value_that_is_no_secret_is_shown(value: Any) -> None:
    assert redacted(value, SECRETS) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("said q8Zt3VnL5xYw1RkP.", "said [hidden]."),
        ("short of breath", "short of breath"),
        ("postgresql://me:pass@db/x", "postgresql://me:[hidden]@db/x"),
        ("sent Bearer abc.def-ghi= on", "sent Bearer [hidden] on"),
        ("key sk_live_0123abc failed", "key [hidden] failed"),
        ("https://example.com/a:b@c", "https://example.com/a:b@c"),
    ],
)
def test_secrets_in_a_text_are_hidden(text: str, shown: str) -> None:
    assert redacted_text(text, SECRETS) == shown


def _times(**more: Any) -> Timetable:
    given: dict[str, Any] = {
        "name": "a", "cron": "* * * * *", "last_tick": NOW, "next_tick": NOW + timedelta(minutes=1),
        "paused": False, "last_done_at": None, "failures": 0,
    }  # fmt: skip
    return Timetable(**given | more)


def _run(**more: Any) -> Run:
    given: dict[str, Any] = {
        "id": 1, "name": "a", "job_id": 1, "attempt": 1, "state": RunState.DONE, "tick": NOW,
        "started_at": NOW, "finished_at": NOW, "lateness_ms": 0, "duration_ms": 0, "count": 1,
        "error": None, "instance": "here:1",
    }  # fmt: skip
    return Run(**given | more)


AGO = NOW - timedelta(minutes=10)


@pytest.mark.parametrize(
    ("times", "run", "state"),
    [
        (_times(), _run(), PeriodicState.OK),
        (_times(), None, PeriodicState.NEW),
        (_times(), _run(state=RunState.FAILED), PeriodicState.FAILING),
        (_times(), _run(state=RunState.LOST), PeriodicState.FAILING),
        (_times(), _run(state=RunState.SKIPPED), PeriodicState.OK),
        (_times(), _run(tick=AGO), PeriodicState.OK),
        (_times(last_tick=AGO), _run(tick=AGO - timedelta(minutes=1)), PeriodicState.LATE),
        (_times(next_tick=AGO), _run(), PeriodicState.LATE),
        (_times(next_tick=AGO), None, PeriodicState.LATE),
        (_times(next_tick=AGO, paused=True), _run(), PeriodicState.PAUSED),
    ],
)
def test_the_state_of_a_periodic_job(
    times: Timetable, run: Run | None, state: PeriodicState
) -> None:
    assert periodic(times, run, NOW).state is state


def test_problems_of_jobs_are_in_words() -> None:
    silent = Worker(
        id=3, instance="here:1", queues=None, concurrency=1, running=0, started_at=NOW,
        last_heartbeat=AGO, silent_s=600.2, alive=False,
    )  # fmt: skip
    seen = health([_times(next_tick=AGO)], {}, [], [silent], [], paused_tasks=[], now=NOW)
    assert seen.problems == [
        "no worker is alive",
        "worker 3 has been silent for 600 s",
        "a is late",
    ]
    assert not seen.healthy
