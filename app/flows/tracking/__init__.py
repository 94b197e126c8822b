"""Tracking: where a booking's money is, what it waits for, and by which rule."""
