"""Alerts as operators handle them: list, read, acknowledge, resolve. The table is foundation's."""
