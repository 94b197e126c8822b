"""Checkout: paying for a booking, and what a charge's end means for it."""
