"""Outages: which gateways do not answer at the moment, by the calls of all processes."""
