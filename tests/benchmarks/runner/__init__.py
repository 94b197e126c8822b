"""The job runner, beside stock procrastinate and a raw loop, all on the same database.

A job is a no-op async task with one JSON argument; Postgres is as durable as by default and shares
the machine. "ours" is the worker as it is deployed, with its heartbeat, fence, records, supervised
loops and reaper; "stock" is procrastinate's own worker at its best settings. Each drains the queue
in a process of its own.
"""
