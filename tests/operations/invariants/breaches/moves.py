"""Histories with gaps, and work that is left lying."""

from typing import Final

from tests.operations.invariants.breaches.breach import Breach

STATES: Final = tuple(
    breach
    for law, history, owner, key, middle, last in (
        ("booking_history_whole", "booking_history", "bookings", "booking_id",
         "awaiting_payment", "completed"),
        ("payment_history_whole", "payment_history", "payments", "payment_id",
         "pending", "succeeded"),
        ("pot_history_whole", "escrow_events", "pots", "pot_id", "releasing", "released"),
        ("dispute_history_whole", "dispute_history", "disputes", "dispute_id",
         "open", "resolved"),
        ("chargeback_history_whole", "chargeback_history", "chargebacks", "chargeback_id",
         "open", "won"),
        ("instruction_history_whole", "instruction_history", "instructions", "instruction_id",
         "sent", "confirmed"),
    )
    for breach in (
        Breach(
            law,
            f"{middle} is missing",
            f"""
            DELETE FROM {history} WHERE id = (
                SELECT {history}.id FROM {history} JOIN {owner} ON {owner}.id = {key}
                 WHERE {history}.state = '{middle}' AND {owner}.state = '{last}' LIMIT 1)
            RETURNING {key}""",
        ),
        Breach(
            law,
            f"{last} is missing",
            f"""
            DELETE FROM {history} WHERE id = (
                SELECT id FROM {history} WHERE state = '{last}' LIMIT 1)
            RETURNING {key}""",
        ),
        Breach(
            law,
            f"{middle} comes last",
            f"""
            UPDATE {history} SET id = DEFAULT WHERE id = (
                SELECT {history}.id FROM {history} JOIN {owner} ON {owner}.id = {key}
                 WHERE {history}.state = '{middle}' AND {owner}.state = '{last}' LIMIT 1)
            RETURNING {key}""",
        ),
        Breach(
            law,
            "there is none",
            f"""
            WITH gone AS (
                DELETE FROM {history} WHERE {key} = (
                    SELECT id FROM {owner} WHERE state = '{last}' LIMIT 1)
                RETURNING {key})
            SELECT DISTINCT {key} FROM gone""",
            also=("intent_before_effect",) if owner == "instructions" else (),
        ),
    )
)  # fmt: skip

LATE: Final = (
    Breach(
        "holds_expire",
        "a hold nobody expired",
        """
        UPDATE bookings SET expires_at = business_now() - interval '16 minutes'
         WHERE id = (SELECT id FROM bookings WHERE state = 'held' LIMIT 1) RETURNING id""",
    ),
    Breach(
        "requests_end",
        "a request nobody declined",
        """
        UPDATE bookings SET respond_by = business_now() - interval '61 minutes'
         WHERE id = (SELECT id FROM bookings WHERE state = 'awaiting_host' LIMIT 1) RETURNING id""",
    ),
    Breach(
        "pots_are_released",
        "a pot nobody released",
        """
        WITH booking AS (
            UPDATE bookings SET check_in_at = business_now() - interval '9 hours',
                                check_out_at = business_now() - interval '76 minutes'
             WHERE id = (SELECT id FROM bookings
                          WHERE state = 'confirmed' AND kind = 'trip' LIMIT 1)
            RETURNING id, check_out_at)
        UPDATE pots SET opens_at = check_out_at, closes_at = check_out_at + interval '1 hour'
          FROM booking WHERE booking_id = booking.id
        RETURNING pots.id""",
    ),
    Breach(
        "bookings_complete",
        "a booking nobody completed",
        """
        WITH booking AS (
            UPDATE bookings SET state = 'confirmed'
             WHERE id = (SELECT id FROM bookings WHERE state = 'completed' LIMIT 1) RETURNING id)
        DELETE FROM booking_history USING booking
         WHERE booking_id = booking.id AND state = 'completed'
        RETURNING booking_id""",
    ),
    Breach(
        "charges_settle",
        "a charge nobody asked about",
        """
        UPDATE payments SET created_at = created_at - interval '25 hours'
         WHERE id = (SELECT id FROM payments WHERE state = 'pending' LIMIT 1) RETURNING id""",
    ),
    Breach(
        "instructions_move",
        "a transfer nobody asked about",
        """
        UPDATE instructions SET next_try_at = business_now() - interval '61 minutes'
         WHERE id = (SELECT id FROM instructions WHERE state = 'sent' LIMIT 1) RETURNING id""",
    ),
    Breach(
        "instructions_arrive",
        "a transfer that was given up",
        """
        WITH failed AS (
            UPDATE instructions SET state = 'failed', next_try_at = NULL
             WHERE id = (SELECT id FROM instructions WHERE state = 'sent' LIMIT 1)
            RETURNING id, attempt)
        INSERT INTO instruction_history (instruction_id, was, state, attempt, reason)
        SELECT id, 'sent', 'failed', attempt, 'a breach' FROM failed
        RETURNING instruction_id""",
    ),
    Breach(
        "webhooks_processed",
        "a webhook nobody acted on",
        """
        INSERT INTO webhook_events (id, gateway, event_key, kind, name, body, body_sha256,
                                    next_try_at)
        VALUES (gen_random_uuid(), 'paystack', 'a', 'charge_changed', 'a', '', '',
                business_now() - interval '16 minutes')
        RETURNING id""",
    ),
    Breach(
        "webhooks_processed",
        "a webhook given up",
        """
        INSERT INTO webhook_events (id, gateway, event_key, kind, name, body, body_sha256, state,
                                    attempts)
        VALUES (gen_random_uuid(), 'paystack', 'a', 'charge_changed', 'a', '', '', 'failed', 10)
        RETURNING id""",
    ),
    Breach(
        "mails_sent",
        "a mail nobody sent",
        """
        INSERT INTO notifications (id, account_id, kind, source_id, data, next_try_at)
        SELECT gen_random_uuid(), id, 'booking_confirmed', id, '{}',
               business_now() - interval '31 minutes'
          FROM accounts LIMIT 1
        RETURNING id""",
    ),
    Breach(
        "keys_come_free",
        "a key that is busy till tomorrow",
        """
        INSERT INTO idempotency_keys (principal_id, route, key, body_sha256, busy_until)
        VALUES (gen_random_uuid(), 'POST /', 'a', '', business_now() + interval '1 day')
        RETURNING concat_ws(' ', principal_id, route, key)""",
    ),
    Breach(
        "instants_as_agreed",
        "the clocks of the place were changed after it was booked",
        """
        UPDATE bookings SET terms = terms || '{"checkInLocal": "2020-01-01T15:00:00"}'
         WHERE id = (SELECT id FROM bookings
                      WHERE state = 'confirmed' AND check_in_at > business_now() LIMIT 1)
        RETURNING id""",
    ),
    Breach(
        "jobs_start",
        "a job nobody took",
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, scheduled_at)
        VALUES ('money', 'send-instruction', now() - interval '16 minutes') RETURNING id""",
    ),
    Breach(
        "jobs_end",
        "a job that gave up",
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, status)
        VALUES ('money', 'send-instruction', 'failed') RETURNING id""",
    ),
)
