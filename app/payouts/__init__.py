"""Payouts: where hosts' money goes, what they owe, and the transfers that come of both."""
