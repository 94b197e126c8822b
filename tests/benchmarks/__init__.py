"""Benchmarks: each starts what it needs, cleans up, and prints its figures as one JSON line."""
