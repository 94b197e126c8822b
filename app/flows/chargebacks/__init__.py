"""Chargebacks: guests' banks want charges back. Money is frozen, and recovered if the banks win."""
