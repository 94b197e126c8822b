"""Webhooks: what gateways report, verified, stored once, acted on by a job."""
