"""Claims: one unit, one slot, one booking, guarded by a primary key."""
