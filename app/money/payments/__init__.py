"""Payments: charges at gateways, and refunds to be made. Knows nothing of what was bought."""
