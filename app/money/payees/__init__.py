"""Payees: the payout accounts of hosts, and what their gateways know and ask about them."""
