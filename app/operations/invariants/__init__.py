"""Invariants: every law of the design as a query over one snapshot, which names who breaks it."""
