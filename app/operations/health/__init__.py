"""Health: whether a web process runs, and whether it can serve requests."""
