"""Paystack's API calls that the simulator has."""
