"""Settlements: a host's month in each currency, made from the ledger alone and never changed."""
