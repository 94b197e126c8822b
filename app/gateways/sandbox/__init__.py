"""A simulator of Paystack for development and tests: its own process, its own books.

It speaks Paystack's wire protocol and shares no code with the adapter, so that a mistake in one
shows in the other. In here words are Paystack's, amounts are Paystack's wire amounts, and time is
the simulator's own.
"""
