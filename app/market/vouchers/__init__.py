"""Vouchers: a code that pays a part of a price, at the cost of a host or of the platform."""
