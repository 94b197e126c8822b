"""Flutterwave's API calls that the simulator has."""

from typing import Final

from app.sandbox.flutterwave.api import refunds, transactions, transfers

routers: Final = (transactions.router, refunds.router, transfers.router)
