"""Payouts: the transfers that hosts get, and what they owe, which makes these smaller."""
