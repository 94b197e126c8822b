"""The job runner: it works on procrastinate's tables as they are shipped.

The decisions, each with its reason:

- It is not a subclass of procrastinate's worker: that one takes and finishes each job by statements
  of its own, which makes it slow, and its loops end when a query fails. The runner keeps
  procrastinate's tables, triggers, statuses, locks, priorities and notifications, so that
  procrastinate's own worker and tools work beside it.
- One statement takes many jobs and another one finishes many, each on a connection of its own, so
  that Postgres and Python work at the same time. How many jobs are taken ahead depends on how long
  jobs take: a job that would wait here for over 50 ms is left to other workers.
- To finish a job is to name the job, its worker and its attempt. Taking a job back from a lost
  worker counts as an attempt, so that a late finish by the lost worker matches no row.
- One connection carries the heartbeat and listens for notifications: a worker that receives none
  has no heartbeat either. Without a recent heartbeat it takes no jobs and begins none.
- The reaper takes jobs back from lost workers. The one worker that holds an advisory lock does it,
  and only if it has itself been connected for as long as others may be silent: after an outage of
  the database nobody's heartbeat is recent, and that does not mean that a worker is lost.
- An idle worker sleeps until a notification comes or the next scheduled job is due, and also looks
  every few seconds, in case both failed.
- A tick of the schedule moves one row forward by compare-and-set; the worker that succeeds queues
  the job in the same commit. Of several ticks that were missed only the last one is made up for.

`worker.py` puts the parts together: `heartbeat.py`, `taking.py` (with `polling.py`), `crew.py`
(with `running.py` and `finishing.py`) and `stopping.py`. Beside it run `reaping.py` and
`timers.py`. How jobs are chosen is SQL: runner.take_jobs(), in the newest of the migrations that
define it.
"""
