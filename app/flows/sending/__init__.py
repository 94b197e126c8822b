"""Money out: refunds and transfers carried out, followed to their end, and put right by admins."""
