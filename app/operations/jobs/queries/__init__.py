"""One statement per function; the queue lives by the server's clock, and so do these."""
