"""Sending: refunds and transfers are sent, followed to their end, and put right by admins."""
