"""Claims: one unit, one slot, one booking. The primary key of the table guarantees it."""
