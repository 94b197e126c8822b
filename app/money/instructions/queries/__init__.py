"""One statement per function on `instructions` and `instruction_history`."""
