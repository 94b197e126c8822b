"""Flutterwave, API v3: the only folder that knows its wire format.

Sources: Flutterwave's documentation, pages Flutterwave Standard, Refunds, Create a transfer,
Webhooks, Error handling and timeouts; the official Node client (Flutterwave/Node-v3, 2026-06-17).
There is no official OpenAPI file of v3.
"""
