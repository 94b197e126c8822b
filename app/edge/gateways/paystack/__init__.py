"""Paystack: the only folder that knows its wire format.

Sources: Paystack's OpenAPI file (PaystackOSS/openapi, 2025-10-24) and its documentation, pages
Accept Payments, Verify Payments, Refunds, Transfers, Webhooks, API errors.
"""
