"""The operators' side of the queue: look at jobs, retry and cancel them, trigger and pause."""
