"""Stripe's API calls that the simulator has."""

from typing import Final

from app.sandbox.stripe.api import accounts, balance, charges, disputes, refunds, transfers

routers: Final = (
    charges.router,
    refunds.router,
    disputes.router,
    transfers.router,
    accounts.router,
    balance.router,
)
