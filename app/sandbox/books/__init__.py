"""The simulator's books, in SQLite: they outlive a restart. Words and amounts are Paystack's."""
