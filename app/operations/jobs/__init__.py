"""Jobs, for operators: look at them, retry and cancel them, trigger periodic ones, pause queues."""
