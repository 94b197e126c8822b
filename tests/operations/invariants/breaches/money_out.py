"""Pots, disputes, refunds, transfers and debts that do not fit each other."""

from typing import Final

from tests.operations.invariants.breaches.breach import NOBODY, NOTHING, Breach, posting

MONEY_OUT: Final = (
    Breach(
        "divisions_posted_once",
        "posted while held",
        posting(
            "division",
            "(SELECT id FROM pots WHERE state = 'held' LIMIT 1)",
            *NOTHING,
            names="source_id",
        ),
        also=("postings_move_amounts",),
    ),
    Breach(
        "divisions_posted_once",
        "posted for nobody",
        posting("division", NOBODY, *NOTHING, names="source_id"),
    ),
    Breach(
        "divisions_posted_once",
        "posted under another name",
        """
        UPDATE ledger_transactions SET kind = 'chargeback'
         WHERE id = (SELECT id FROM ledger_transactions WHERE kind = 'division' LIMIT 1)
        RETURNING source_id""",
        also=("chargebacks_posted_once",),
    ),
    Breach(
        "commission_as_agreed",
        "agreed on afterwards",
        """
        WITH pot AS (
            UPDATE pots SET commission_bps = 1
             WHERE id = (SELECT pots.id FROM pots JOIN bookings ON bookings.id = booking_id
                          WHERE bookings.kind = 'trip' AND pots.state = 'released' LIMIT 1)
            RETURNING id, booking_id)
        UPDATE bookings SET terms = terms || '{"commissionBps": 1}' FROM pot
         WHERE bookings.id = pot.booking_id
        RETURNING pot.id""",
    ),
    Breach(
        "vouchers_add",
        "a voucher that added nothing",
        """
        UPDATE pots SET voucher = 100, from_voucher = 0
         WHERE id = (SELECT id FROM pots WHERE state = 'released' AND kind = 'rental'
                        AND to_guest = 0 LIMIT 1)
        RETURNING id""",
        also=("pots_as_agreed",),
    ),
    Breach(
        "shares_instructed",
        "paid to somebody else",
        """
        UPDATE instructions SET payee_id = (SELECT id FROM accounts LIMIT 1)
         WHERE id = (SELECT instructions.id FROM instructions JOIN pots ON pots.id = source_id
                      WHERE instructions.kind = 'transfer' AND instructions.state = 'confirmed'
                      LIMIT 1)
        RETURNING source_id""",
    ),
    Breach(
        "pots_close_when_arrived",
        "not closed",
        """
        WITH pot AS (
            UPDATE pots SET state = 'releasing'
             WHERE id = (SELECT id FROM pots WHERE state = 'released' LIMIT 1)
            RETURNING id)
        DELETE FROM escrow_events USING pot WHERE pot_id = pot.id AND state = 'released'
        RETURNING pot_id""",
    ),
    Breach(
        "pots_close_when_arrived",
        "closed too soon",
        """
        WITH pot AS (
            UPDATE pots SET state = 'released'
             WHERE id = (SELECT id FROM pots WHERE state = 'releasing' LIMIT 1)
            RETURNING *)
        INSERT INTO escrow_events (booking_id, pot_id, pot, was, state, actor, reason)
        SELECT booking_id, id, kind, 'releasing', 'released', 'system', 'a breach' FROM pot
        RETURNING pot_id""",
    ),
    Breach(
        "disputes_freeze",
        "disputed, and paid out all the same",
        """
        WITH dispute AS (
            UPDATE disputes SET state = 'open', ended_at = NULL
             WHERE id = (SELECT id FROM disputes WHERE state = 'withdrawn' LIMIT 1)
            RETURNING id, pot_id)
        DELETE FROM dispute_history USING dispute
         WHERE dispute_id = dispute.id AND state = 'withdrawn'
        RETURNING pot_id""",
    ),
    Breach(
        "disputes_freeze",
        "frozen without a dispute",
        """
        WITH pot AS (
            UPDATE pots SET state = 'disputed'
             WHERE id = (SELECT id FROM pots WHERE state = 'held' AND closes_at > business_now()
                          LIMIT 1)
            RETURNING *)
        INSERT INTO escrow_events (booking_id, pot_id, pot, was, state, actor, reason)
        SELECT booking_id, id, kind, 'held', 'disputed', 'system', 'a breach' FROM pot
        RETURNING pot_id""",
    ),
    Breach(
        "disputes_in_window",
        "opened as it closed",
        """
        UPDATE disputes SET opened_at = closes_at FROM pots
         WHERE disputes.id = (SELECT id FROM disputes LIMIT 1) AND pots.id = pot_id
        RETURNING disputes.id""",
    ),
    Breach(
        "disputes_in_window",
        "opened by somebody else",
        """
        UPDATE disputes SET opened_by = (SELECT id FROM accounts LIMIT 1)
         WHERE id = (SELECT id FROM disputes LIMIT 1) RETURNING id""",
    ),
    Breach(
        "disputes_in_window",
        "about the other side's pot",
        """
        UPDATE disputes SET side = 'host' WHERE id = (SELECT id FROM disputes LIMIT 1)
        RETURNING id""",
    ),
    Breach(
        "disputes_decide",
        "decided otherwise",
        """
        UPDATE disputes SET to_guest = to_guest + 1
         WHERE id = (SELECT id FROM disputes WHERE state = 'resolved' LIMIT 1) RETURNING id""",
    ),
    Breach(
        "instructions_have_causes",
        "because of nothing",
        """
        UPDATE instructions SET source_id = gen_random_uuid()
         WHERE id = (SELECT instructions.id
                       FROM instructions JOIN payments ON payments.id = source_id LIMIT 1)
        RETURNING id""",
    ),
    Breach(
        "effects_posted_once",
        "posted under another name",
        """
        UPDATE ledger_transactions SET kind = 'chargeback'
         WHERE id = (SELECT id FROM ledger_transactions WHERE kind = 'transfer' LIMIT 1)
        RETURNING source_id""",
        also=("chargebacks_posted_once",),
    ),
    Breach(
        "effects_posted_once",
        "posted before it has arrived",
        posting(
            "transfer",
            "(SELECT id FROM instructions WHERE state = 'sent' LIMIT 1)",
            *NOTHING,
            names="source_id",
        ),
        also=("postings_move_amounts",),
    ),
    Breach(
        "effects_posted_once",
        "come back, and not posted",
        """
        UPDATE ledger_transactions SET kind = 'chargeback'
         WHERE id = (SELECT id FROM ledger_transactions WHERE kind = 'transfer_reversal' LIMIT 1)
        RETURNING source_id""",
        also=("chargebacks_posted_once",),
    ),
    Breach(
        "intent_before_effect",
        "sent as something else",
        """
        UPDATE instruction_history SET reference = 'other'
         WHERE id = (SELECT history.id FROM instruction_history AS history
                       JOIN instructions ON instructions.id = instruction_id
                      WHERE history.state = 'sending'
                        AND history.attempt = instructions.attempt LIMIT 1)
        RETURNING instruction_id""",
    ),
    Breach(
        "recoveries_counted",
        "recovered from nowhere",
        """
        INSERT INTO host_debts (id, host_id, booking_id, amount, currency, recovered, reason)
        SELECT gen_random_uuid(), host_id, id, 5, currency, 5, 'a breach' FROM bookings LIMIT 1
        RETURNING id""",
        also=("late_refunds_borne",),
    ),
    Breach(
        "amounts_can_be_sent",
        "in a currency that is paid in steps",
        """
        UPDATE instructions SET gateway = 'stripe', currency = 'KWD', amount = amount / 10 * 10 + 5
         WHERE id = (SELECT id FROM instructions
                      WHERE state IN ('queued', 'waiting_for_payee', 'failed') LIMIT 1)
        RETURNING id""",
        also=("hosts_owed_transfers", "shares_instructed"),
    ),
    Breach(
        "sent_together_once",
        "under the reference of none",
        """
        UPDATE instructions SET sent_as = 'tr-none'
         WHERE id = (SELECT id FROM instructions
                      WHERE kind = 'transfer' AND state = 'confirmed' LIMIT 1)
        RETURNING sent_as""",
        also=("intent_before_effect",),
    ),
    Breach(
        "recoveries_counted",
        "kept back from another host",
        """
        WITH pot AS (
            SELECT * FROM pots WHERE state = 'released' LIMIT 1
        ), debt AS (
            INSERT INTO host_debts (id, host_id, booking_id, amount, currency, recovered, reason)
            SELECT id, guest_id, booking_id, 5, currency, 5, 'a breach' FROM pot
        )
        INSERT INTO debt_recoveries (debt_id, source_id, booking_id, amount)
        SELECT id, id, booking_id, 5 FROM pot
        RETURNING debt_id""",
        also=("late_refunds_borne", "shares_instructed"),
    ),
    Breach(
        "late_refunds_borne",
        "given back, and booked nowhere",
        """
        INSERT INTO late_refunds (id, booking_id, payment_id, borne_by, amount, currency, reason,
                                  admin_id)
        SELECT gen_random_uuid(), booking_id, id, 'host', 5, currency, 'a breach', payer_id
          FROM payments LIMIT 1
        RETURNING id""",
    ),
    Breach(
        "late_refunds_borne",
        "owed because of nothing",
        """
        INSERT INTO host_debts (id, host_id, booking_id, amount, currency, reason)
        SELECT gen_random_uuid(), host_id, id, 5, currency, 'a breach' FROM bookings LIMIT 1
        RETURNING id""",
        also=("hosts_owed_transfers",),
    ),
    Breach(
        "late_refunds_borne",
        "posted because of nothing",
        posting("host_debit", NOBODY, *NOTHING, names="source_id"),
    ),
    Breach(
        "taken_in_borne",
        "taken in, and of nobody",
        """
        INSERT INTO taken_in (id, kind, payment_id, booking_id, gateway, gateway_id, amount,
                              currency, from_unsent, from_owed, from_deposit, from_rental,
                              from_host, loss)
        SELECT gen_random_uuid(), 'refund', id, booking_id, gateway, 'none', 5, currency, 0, 0, 0,
               0, 0, 5
          FROM payments LIMIT 1
        RETURNING id""",
        also=("revenue_is_commission",),
    ),
)
