"""Disputes of a pot inside its window, by guest or host, with evidence; an admin decides."""
