"""The simulator's books, in SQLite: they are kept over a restart. They use Paystack's words."""
