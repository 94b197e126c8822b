"""Webhooks: what gateways tell us, verified, stored once, acted on by a job."""
