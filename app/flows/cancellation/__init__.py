"""Cancellation: show what the guest would get back now, and cancel a booking."""
