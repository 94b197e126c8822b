"""The engine under the jobs, on procrastinate's tables as they are shipped.

The decisions, each with its reason:

- Not a subclass of procrastinate's worker: a claim and a finish of one job each is what makes it
  slow, and its loops end when a query fails. Its tables, triggers, statuses, locks, priorities and
  notifications are kept, so that its own worker and tools run beside this one.
- A batch is claimed by one statement and finished by another, each on a connection of its own, so
  that Postgres and Python work at the same time. How many are claimed ahead depends on how long
  jobs take: what would wait for over 50 ms is left to others.
- A finish names job, worker and attempt. Taking a job from a lost worker counts as an attempt, and
  so the finish of the lost one fits no row: it is refused, whenever it comes.
- One connection listens and carries the heartbeat: a worker that hears nothing is one that also
  shows no life. Without a recent heartbeat nothing is claimed and nothing is begun.
- Jobs of the lost are taken back by whoever holds an advisory lock and has itself been in touch
  for as long as it takes to be held for lost: after an outage nobody judges the others at once.
- A sleeping worker waits for a notification or for the moment the next job is due, whichever is
  first, and looks again every few seconds in case both failed.
- A tick of the schedule is a compare-and-set on one row; who wins queues the job, in the same
  commit. Ticks missed meanwhile come to one.
"""
