"""The ledger: double-entry bookkeeping. Every posting balances, and is never changed."""
