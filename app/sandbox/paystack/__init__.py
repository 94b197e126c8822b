"""Paystack in the simulator: its API calls and webhooks."""
