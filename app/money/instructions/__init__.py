"""Instructions: money out. Refunds and transfers, each stored here before its gateway is called.

The refund gate is here too: how many automatic refunds, and how much of them, may go out per run.
"""
