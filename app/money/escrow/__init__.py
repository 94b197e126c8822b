"""Escrow: money of bookings held in pots until a window has passed, then divided once."""
