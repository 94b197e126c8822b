"""Availability: which units are free when, at what price, and the search for them."""
