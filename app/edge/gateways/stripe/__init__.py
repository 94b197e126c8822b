"""Stripe: the only folder that knows its wire format.

A charge is a Checkout Session, because the port's charge is a page at the gateway where the guest
pays; a PaymentIntent alone would need a page and scripts of our own. Money goes out as *separate
charges and transfers*: the platform takes the charge, and pays connected accounts later.

Stripe has no references of ours, but it has groups: a charge's reference is the `transfer_group`
of its session, of each attempt to pay it, and of the transfers from it. Lists of a group are
complete at once (Stripe's search is not). Within a group, our reference is in the metadata.

Sources: Stripe's OpenAPI file (stripe/openapi, 2023-09-12 and fixtures of 2026-07-29), the
`stripe` package 16.1.0 (PyPI), docs.stripe.com on currencies, idempotency, errors and webhooks.
"""
