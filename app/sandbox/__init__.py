"""A simulator of the gateways for development and tests: its own process, its own books.

It speaks their wire protocols and shares no code with the adapters, so that a mistake in one shows
in the other. The books, the bank, the mail, the faults and the pages are shared; what each gateway
has of its own is in its folder. Words in the books are Paystack's, amounts are the wire amounts of
each gateway, and time is the simulator's own.
"""
