"""Checkout: pay for a booking, and settle the charge together with the booking."""
