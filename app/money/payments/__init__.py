"""Payments: charges at gateways, and what of them is to be refunded."""
