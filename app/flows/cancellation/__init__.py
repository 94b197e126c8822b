"""Cancelling: what comes back if a booking ended now, and ending it."""
