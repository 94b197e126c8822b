"""Statements on the tables of this room."""
