"""Bookings: one guest's purchase of units for slots, from the hold to its end."""
