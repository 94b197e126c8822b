"""Rules of bank statements: how files are read, which entries are the same, what has arrived."""
