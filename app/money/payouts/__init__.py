"""Payouts: the transfers to hosts, less what hosts owe."""
