"""Movements: what gateways did without us is taken in, posted, and people are notified."""
