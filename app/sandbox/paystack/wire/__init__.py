"""Paystack's bodies: replies, errors and events, with the fields of its OpenAPI file."""
