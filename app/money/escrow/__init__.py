"""Escrow: the money of bookings is held in pots until a window has closed, and divided once."""
