"""What is read from and written to the tables of this room, a file for each table."""
