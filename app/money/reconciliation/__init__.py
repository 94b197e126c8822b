"""Reconciliation: what gateways list, beside what is here, beside the ledger; and differences."""
