"""Chargebacks that are not booked as they went, freeze too little, or took from nowhere."""

from typing import Final

from tests.operations.invariants.breaches.breach import NOBODY, NOTHING, Breach, posting

_FREE_POT: Final = "(SELECT id FROM pots WHERE state = 'held' AND NOT contested LIMIT 1)"

CHARGEBACKS: Final = (
    Breach(
        "chargebacks_posted_once",
        "taken, and not posted",
        "UPDATE chargebacks SET is_taken = true WHERE state = 'open' RETURNING id",
        also=("losses_are_chargebacks", "cash_at_gateways"),
    ),
    Breach(
        "chargebacks_posted_once",
        "given back by the books alone",
        posting(
            "chargeback_reversal",
            "(SELECT id FROM chargebacks WHERE state = 'lost')",
            *NOTHING,
            names="source_id",
        ),
        also=("postings_move_amounts",),
    ),
    Breach(
        "chargebacks_posted_once",
        "recovered by the books alone",
        posting(
            "chargeback_recovery",
            "(SELECT id FROM chargebacks WHERE state = 'lost')",
            *NOTHING,
            names="source_id",
        ),
    ),
    Breach(
        "chargebacks_posted_once",
        "posted for nobody",
        posting("chargeback", NOBODY, *NOTHING, names="source_id"),
    ),
    Breach(
        "chargebacks_posted_once",
        "with a fee that is not posted",
        "UPDATE chargebacks SET fee = coalesce(fee, 0) + 5 WHERE state = 'lost' RETURNING id",
    ),
    Breach(
        "chargebacks_borne",
        "owed by a host of whom nothing is recovered",
        """
        INSERT INTO host_debts (id, host_id, booking_id, amount, currency, reason)
        SELECT chargebacks.id, host_id, booking_id, 5, chargebacks.currency, 'a breach'
          FROM chargebacks JOIN bookings ON bookings.id = booking_id
         WHERE chargebacks.state = 'lost'
        RETURNING id""",
        also=("hosts_owed_transfers",),
    ),
    Breach(
        "chargebacks_borne",
        "owed by a host of no part of its booking",
        """
        WITH changed AS (
            UPDATE chargebacks SET from_host = from_host + 5, loss = loss - 5
             WHERE state = 'lost' RETURNING id, booking_id, currency
        )
        INSERT INTO host_debts (id, cause_id, host_id, booking_id, amount, currency, reason)
        SELECT gen_random_uuid(), changed.id, other.host_id, other.id, 5, changed.currency,
               'a breach'
          FROM changed
         CROSS JOIN LATERAL (
               SELECT id, host_id FROM bookings
                WHERE id <> changed.booking_id AND part_of IS NULL LIMIT 1) AS other
        RETURNING cause_id""",
        also=("chargebacks_posted_once", "losses_are_chargebacks", "hosts_owed_transfers"),
    ),
    Breach(
        "chargebacks_freeze",
        "a pot is free",
        "UPDATE pots SET contested = false WHERE contested RETURNING payment_id",
    ),
    Breach(
        "chargebacks_freeze",
        "a pot is frozen for nothing",
        f"UPDATE pots SET contested = true WHERE id = {_FREE_POT} RETURNING payment_id",
    ),
    Breach(
        "chargebacks_freeze",
        "a charge is free",
        "UPDATE payments SET contested = false WHERE contested RETURNING id",
    ),
    Breach(
        "chargebacks_recovered",
        "more of a charge than any bank took",
        """
        UPDATE payments SET charged_back = charged_back + 5 WHERE charged_back > 0
        RETURNING id""",
    ),
    Breach(
        "chargebacks_recovered",
        "out of a pot for nothing",
        f"UPDATE pots SET charged_back = 5 WHERE id = {_FREE_POT} RETURNING payment_id",
        also=("escrow_is_the_pots",),
    ),
    Breach(
        "chargebacks_recovered",
        "from a refund that never came back",
        """
        UPDATE chargebacks SET from_returns = 5, loss = loss - 5 WHERE state = 'lost'
        RETURNING payment_id""",
        also=("losses_are_chargebacks",),
    ),
)
