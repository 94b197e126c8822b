"""Flutterwave's side of the simulator: API v3, its words, its letters. Books are in minor units."""
