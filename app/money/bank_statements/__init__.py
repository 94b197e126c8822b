"""Bank statements: what our bank says of our accounts, and whether gateways' payouts arrived."""
