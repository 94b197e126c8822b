"""Mending: what a reconciliation found is put right, as far as that needs no person's judgement."""
