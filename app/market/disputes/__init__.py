"""Disputes: claims on a pot inside its window, with evidence, decided by an admin."""
