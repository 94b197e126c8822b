"""What workers do: the jobs of the queue, the schedule, and the worker process itself."""
