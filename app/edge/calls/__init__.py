"""Calls to gateways: each attempt, and how it went."""
