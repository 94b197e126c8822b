"""Differences that nobody explains."""

from typing import Final

from tests.operations.invariants.breaches.breach import Breach

RECONCILIATION: Final = (
    Breach(
        "differences_explained",
        "a movement that is not here for two hours",
        """
        INSERT INTO differences (id, gateway, what, kind, subject, at, currency, at_gateway,
                                 reference, charge_reference, charge_id, first_seen)
        VALUES (gen_random_uuid(), 'stripe', 'change', 'missing_here', 'txn_1', business_now(),
                'EUR', 500, '', '', '', business_now() - interval '2 hours')
        RETURNING id""",
    ),
)
