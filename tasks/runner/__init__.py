"""The engine under the jobs: handlers, retries, supervision, rescue. Built on procrastinate."""
