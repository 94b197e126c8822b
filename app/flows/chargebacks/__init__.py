"""Chargebacks: charges that guests' banks want back; money is frozen, and recovered if they win."""
