"""Taken in: refunds and transfers that somebody made at a gateway without us."""
