"""Calls to gateways: each attempt and how it ended, and from that which gateways are down."""
