"""One statement per function. They use the server's clock, as the queue does."""
