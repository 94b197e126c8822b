"""A simulator of the gateways for development and tests: its own process, its own books.

It has the gateways' wire protocols and shares no code with the adapters, so that a mistake in one
shows in the other. All gateways share the books, the bank, the webhooks, the faults and the pages;
what is special to one is in its folder. The books use Paystack's words and each gateway's own wire
amounts; time is the simulator's own.
"""
