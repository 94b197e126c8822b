"""Rules of settlements: what a posting is to a host, months, replies, files."""
