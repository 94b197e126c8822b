"""Stripe's bodies: objects, errors and events, with the fields of its official fixtures."""
