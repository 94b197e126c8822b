"""The money of the past: charges, pots, refunds, transfers, and the ledger of them all.

Of the transfers a few are still on their way, or wait for an account, or came back and went out
again; of the attempts a few failed at first. Some rentals were disputed, to no avail.
"""

from typing import Final

from tests.benchmarks import seed

# Ids of ledger accounts, so that nothing needs to be looked up.
_CLEARING, _FEES, _REVENUE = "1 + money", "4 + money", "7 + money"
_HOST, _GUEST = "1000 + host_account", "1000000 + guest_account"
_RENTAL, _DEPOSIT = "100000000 + 2 * n", "100000001 + 2 * n"
_FEE: Final = 2_000  # what the gateway keeps of a charge

_PAYMENTS: Final = (
    """
    CREATE TEMP TABLE past_payment AS
    SELECT past.*, rental + fee + deposit AS amount,
           CASE WHEN paid OR fate = 'expired_paid_late' THEN 'succeeded'
                WHEN fate = 'expired_paying' THEN 'abandoned'
                ELSE 'pending' END AS payment_state
      FROM past
     WHERE paid OR fate IN ('expired_paying', 'expired_paid_late', 'awaiting_payment')""",
    """
    INSERT INTO payments (id, booking_id, payer_id, gateway, reference, state, amount, currency,
                          refunded, checkout_url, gateway_id, created_at, updated_at, settled_at)
    SELECT payment_id, id, guest_id, 'paystack', 'pay-' || replace(payment_id::text, '-', ''),
           payment_state, amount, currency,
           CASE WHEN fate IN ('declined', 'cancelled_whole', 'expired_paid_late') THEN amount
                WHEN fate = 'cancelled_half' THEN (rental + fee) / 2 + deposit
                WHEN fate = 'completed' THEN deposit
                ELSE 0 END,
           'https://checkout.example/' || n, n,
           at, at, CASE WHEN payment_state = 'succeeded' THEN at + interval '3 minutes' END
      FROM past_payment
     CROSS JOIN LATERAL (
           SELECT CASE payment_state WHEN 'pending' THEN business_now() ELSE made END AS at
           ) AS begun""",
    """
    INSERT INTO payment_history (payment_id, was, state, at, reason)
    SELECT payment_id, was, move.state, made + number * interval '2 minutes', reason
      FROM past_payment
      JOIN (VALUES (1, NULL, 'created', 'payment begun'),
                   (2, 'created', 'pending', 'ready to be paid'),
                   (3, 'pending', 'abandoned', 'not paid in time'),
                   (4, 'pending', 'succeeded', 'paid, says the gateway'),
                   (5, 'abandoned', 'succeeded', 'paid, says the gateway'))
           AS move (number, was, state, reason)
        ON CASE number
           WHEN 3 THEN fate IN ('expired_paying', 'expired_paid_late')
           WHEN 4 THEN paid
           WHEN 5 THEN fate = 'expired_paid_late'
           ELSE true END
     ORDER BY number, n""",
)

_POTS: Final = (
    f"""
    CREATE TEMP TABLE past_pot AS
    SELECT past.*, pot.kind, {seed.pot_sql("2 * n + (pot.kind = 'deposit')::int")} AS pot_id,
           pot.amount, escrow_account, to_guest, to_host,
           pot.amount - to_guest - to_host AS commission,
           CASE WHEN coalesce(to_host, 0) = 0 THEN NULL
                WHEN fate <> 'completed' THEN 'confirmed'
                WHEN n % 50 IN (6, 7) THEN 'sent'
                WHEN n % 50 IN (8, 9) THEN 'waiting_for_payee'
                WHEN n % 500 IN (10, 11) THEN 'reversed'
                ELSE 'confirmed' END AS transfer,
           CASE WHEN fate = 'completed' AND pot.kind = 'rental'
                THEN CASE n % 100 WHEN 12 THEN 'resolved' WHEN 14 THEN 'withdrawn' END
                END AS dispute,
           CASE WHEN state IN ('confirmed', 'completed', 'cancelled')
                THEN CASE WHEN is_stay AND pot.kind = 'rental' THEN begins ELSE ends END
                END AS opens_at,
           CASE pot.kind WHEN 'rental' THEN interval '1 hour' ELSE interval '2 hours' END AS lasts
      FROM past
     CROSS JOIN LATERAL (VALUES ('rental', rental + fee, {_RENTAL}),
                                ('deposit', deposit, {_DEPOSIT}))
                        AS pot (kind, amount, escrow_account)
     CROSS JOIN LATERAL (
           SELECT CASE WHEN fate IN ('confirmed', 'awaiting_host') THEN NULL
                       WHEN pot.kind = 'deposit' OR fate IN ('declined', 'cancelled_whole')
                       THEN pot.amount
                       WHEN fate = 'cancelled_half' THEN pot.amount / 2
                       ELSE 0 END AS to_guest) AS guest
     CROSS JOIN LATERAL (
           SELECT (pot.amount - to_guest) - (pot.amount - to_guest) * 1000 / 10000 AS to_host
           ) AS host
     WHERE paid AND pot.amount > 0""",
    """
    INSERT INTO pots (id, booking_id, kind, state, payment_id, guest_id, host_id, gateway, amount,
                      currency, commission_bps, opens_at, closes_at, to_guest, commission, to_host,
                      created_at, updated_at, divided_at)
    SELECT pot_id, id, kind,
           CASE WHEN to_guest IS NULL THEN 'held'
                WHEN transfer IN ('sent', 'waiting_for_payee') THEN 'releasing'
                WHEN to_host > 0 THEN 'released' ELSE 'refunded' END,
           payment_id, guest_id, host_id, 'paystack', amount, currency, 1000, opens_at,
           opens_at + lasts, to_guest, commission, to_host, made, made,
           CASE WHEN to_guest IS NOT NULL THEN made + interval '20 days' END
      FROM past_pot""",
    """
    INSERT INTO escrow_events (booking_id, pot_id, pot, was, state, at, actor, reason)
    SELECT id, pot_id, kind, was, move.state, made + number * interval '5 minutes', 'system', reason
      FROM past_pot
      JOIN (VALUES (1, NULL, 'held', 'paid'),
                   (2, 'held', 'disputed', 'disputed by the guest'),
                   (3, 'disputed', 'held', 'dispute ended'),
                   (4, 'held', 'releasing', 'rental released'),
                   (5, 'held', 'refunding', 'given back'),
                   (6, 'releasing', 'released', 'the money has arrived'),
                   (7, 'refunding', 'refunded', 'the money has arrived'))
           AS move (number, was, state, reason)
        ON CASE number
           WHEN 1 THEN true
           WHEN 2 THEN dispute IS NOT NULL
           WHEN 3 THEN dispute IS NOT NULL
           WHEN 4 THEN to_host > 0
           WHEN 5 THEN to_host = 0
           WHEN 6 THEN to_host > 0 AND transfer NOT IN ('sent', 'waiting_for_payee')
           WHEN 7 THEN to_host = 0 END
     ORDER BY number, n""",
    """
    INSERT INTO disputes (id, pot_id, booking_id, opened_by, side, state, reason, claimed,
                          to_guest, resolved_by, decision, opened_at, ended_at)
    SELECT pot_id, pot_id, id, guest_id, 'guest', dispute, 'of the past', amount,
           CASE dispute WHEN 'resolved' THEN to_guest END,
           CASE dispute WHEN 'resolved' THEN host_id END,
           CASE dispute WHEN 'resolved' THEN 'of the past' END,
           opens_at + interval '5 minutes', opens_at + interval '1 day'
      FROM past_pot WHERE dispute IS NOT NULL""",
    """
    INSERT INTO dispute_history (dispute_id, was, state, at, actor, reason)
    SELECT pot_id, was, move.state, opens_at, 'guest', 'of the past'
      FROM past_pot
     CROSS JOIN LATERAL (VALUES (1, NULL, 'open'), (2, 'open', dispute))
                        AS move (number, was, state)
     WHERE dispute IS NOT NULL
     ORDER BY number, n""",
)

_INSTRUCTIONS: Final = (
    f"""
    CREATE TEMP TABLE past_instruction AS
    SELECT given.*, {seed.instruction_sql("8 * n + number")} AS instruction_id,
           CASE given.instruction_state WHEN 'waiting_for_payee' THEN 0
                ELSE 1 + (n % 20 = 3)::int END AS attempts,
           instruction_kind = 'refund' AS is_refund,
           instruction_state IN ('confirmed', 'reversed') AS has_arrived
      FROM (SELECT n, id, payment_id, guest_id, host_id, guest_account, host_account, money,
                   currency, made, CASE kind WHEN 'rental' THEN 0 ELSE 1 END AS number,
                   'refund' AS instruction_kind, pot_id AS source_id, to_guest AS amount,
                   'confirmed' AS instruction_state
              FROM past_pot WHERE to_guest > 0
             UNION ALL
            SELECT n, id, payment_id, guest_id, host_id, guest_account, host_account, money,
                   currency, made, 2, 'transfer', pot_id, to_host, transfer
              FROM past_pot WHERE to_host > 0
             UNION ALL
            SELECT n, id, payment_id, guest_id, host_id, guest_account, host_account, money,
                   currency, made, 3, 'transfer', {seed.instruction_sql("8 * n + 2")}, to_host,
                   CASE WHEN n % 1000 < 500 THEN 'confirmed' ELSE 'sent' END
              FROM past_pot WHERE transfer = 'reversed'
             UNION ALL
            SELECT n, id, payment_id, guest_id, host_id, guest_account, host_account, money,
                   currency, made, 4, 'refund', payment_id, amount, 'confirmed'
              FROM past_payment WHERE fate = 'expired_paid_late') AS given""",
    """
    INSERT INTO instructions (
        id, kind, state, booking_id, payment_id, source_id, payee_id, gateway, target, amount,
        currency, reason, attempt, reference, next_try_at, created_at, updated_at, sent_at,
        confirmed_at)
    SELECT instruction_id, instruction_kind, instruction_state, id, payment_id, source_id,
           CASE WHEN is_refund THEN guest_id ELSE host_id END, 'paystack',
           CASE WHEN attempts = 0 THEN NULL
                WHEN is_refund THEN 'pay-' || replace(payment_id::text, '-', '')
                ELSE 'RCP_' || host_account END,
           amount, currency, 'of the past', attempts,
           CASE WHEN attempts > 0 THEN left(instruction_kind, 1) || '-' || instruction_id || '-'
                                       || attempts END,
           CASE instruction_state WHEN 'sent' THEN business_now() + interval '12 hours' END,
           made, made, CASE WHEN attempts > 0 THEN made + interval '1 hour' END,
           CASE WHEN has_arrived THEN made + interval '2 hours' END
      FROM past_instruction""",
    """
    INSERT INTO instruction_history (instruction_id, was, state, at, attempt, reference, reason)
    SELECT instruction_id, was, move.state, made + step.number * interval '5 minutes', move.attempt,
           CASE WHEN move.attempt > 0
                THEN left(instruction_kind, 1) || '-' || instruction_id || '-' || move.attempt END,
           'of the past'
      FROM past_instruction
      JOIN (VALUES (1, NULL, 'waiting_for_payee', 0), (2, NULL, 'queued', 0),
                   (3, 'queued', 'sending', 1), (4, 'sending', 'failed', 1),
                   (5, 'failed', 'queued', 1), (6, 'queued', 'sending', 2),
                   (7, 'sending', 'sent', NULL), (8, 'sent', 'confirmed', NULL),
                   (9, 'confirmed', 'reversed', NULL)) AS step (number, was, state, attempt)
        ON CASE WHEN step.number = 1 THEN attempts = 0
                WHEN step.number BETWEEN 4 AND 6 THEN attempts = 2
                WHEN step.number = 8 THEN has_arrived
                WHEN step.number = 9 THEN instruction_state = 'reversed'
                ELSE attempts > 0 END
     CROSS JOIN LATERAL (
           SELECT step.state, coalesce(step.attempt, attempts) AS attempt) AS move
     ORDER BY step.number, n""",
)

# A posting is a row with its accounts and amounts side by side.
_LEDGER: Final = (
    f"""
    INSERT INTO ledger_accounts (id, kind, owner_id, gateway, currency) OVERRIDING SYSTEM VALUE
    SELECT DISTINCT account.id, account.kind, account.owner_id, account.gateway, currency
      FROM past_payment
     CROSS JOIN LATERAL (VALUES ({_CLEARING}, 'gateway_clearing', NULL::uuid, 'paystack'),
                                ({_FEES}, 'gateway_fees', NULL, 'paystack'),
                                ({_REVENUE}, 'platform_revenue', NULL, NULL),
                                ({_HOST}, 'host_payable', host_id, NULL),
                                ({_GUEST}, 'guest_refundable', guest_id, NULL))
                        AS account (id, kind, owner_id, gateway)
        ON CONFLICT DO NOTHING""",
    """
    INSERT INTO ledger_accounts (id, kind, owner_id, currency) OVERRIDING SYSTEM VALUE
    SELECT escrow_account, 'escrow_' || kind, id, currency FROM past_pot""",
    f"""
    CREATE TEMP TABLE past_posting AS
    SELECT posting.*, row_number() OVER (ORDER BY number, n)
           + (SELECT coalesce(max(id), 0) FROM ledger_transactions) AS transaction_id
      FROM (
        SELECT n, 1 AS number, CASE WHEN paid THEN 'charge' ELSE 'unapplied_charge' END AS kind,
               payment_id AS source_id, id AS booking_id, made AS at,
               CASE WHEN paid THEN ARRAY[{_CLEARING}, {_RENTAL}, {_DEPOSIT}]
                    ELSE ARRAY[{_CLEARING}, {_GUEST}] END AS accounts,
               CASE WHEN paid THEN ARRAY[-amount, rental + fee, deposit]
                    ELSE ARRAY[-amount, amount] END AS amounts
          FROM past_payment WHERE payment_state = 'succeeded'
         UNION ALL
        SELECT n, 2, 'gateway_fee', payment_id, id, made, ARRAY[{_FEES}, {_CLEARING}],
               ARRAY[-{_FEE}, {_FEE}]
          FROM past_payment WHERE payment_state = 'succeeded'
         UNION ALL
        SELECT n, CASE kind WHEN 'rental' THEN 3 ELSE 4 END, 'division', pot_id, id, made,
               ARRAY[escrow_account, {_GUEST}, {_REVENUE}, {_HOST}],
               ARRAY[-amount, to_guest, commission, to_host]
          FROM past_pot WHERE to_guest IS NOT NULL
         UNION ALL
        SELECT n, 5, instruction_kind, instruction_id, id, made,
               ARRAY[CASE WHEN is_refund THEN {_GUEST} ELSE {_HOST} END, {_CLEARING}],
               ARRAY[-amount, amount]
          FROM past_instruction WHERE has_arrived
         UNION ALL
        SELECT n, 6, 'transfer_reversal', instruction_id, id, made,
               ARRAY[{_CLEARING}, {_HOST}], ARRAY[-amount, amount]
          FROM past_instruction WHERE instruction_state = 'reversed') AS posting""",
    """
    INSERT INTO ledger_transactions (id, kind, source_id, booking_id, memo, at)
    OVERRIDING SYSTEM VALUE
    SELECT transaction_id, kind, source_id, booking_id, 'of the past', at
      FROM past_posting ORDER BY transaction_id""",
    """
    INSERT INTO ledger_entries (transaction_id, account_id, amount)
    SELECT transaction_id, account_id, amount
      FROM past_posting, unnest(accounts, amounts) AS entry (account_id, amount)
     WHERE amount <> 0
     ORDER BY transaction_id""",
    "DROP TABLE past, past_payment, past_pot, past_instruction, past_posting",
)

MONEY: Final = (*_PAYMENTS, *_POTS, *_INSTRUCTIONS, *_LEDGER)
