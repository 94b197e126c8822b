"""Flutterwave in the simulator: its API v3 and webhooks. Its books are in minor units."""
