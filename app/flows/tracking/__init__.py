"""Tracking: where the money of a booking is, what it waits for, and by which rule."""
