"""Paystack's side of the simulator: its API calls, and its bodies."""
