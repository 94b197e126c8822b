"""Work that was not done: what a sweep or a worker should have done long ago."""

from app.edge.webhooks.model import TRIES_MAX
from app.foundation.db import Tx
from app.operations.invariants.queries.judging import Verdicts, judge


async def holds(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "booking",
        ("holds_expire",),
        """
        SELECT id, concat(state, ', to be paid by ', expires_at) AS holds_expire
          FROM bookings
         WHERE state IN ('held', 'awaiting_payment')
           AND expires_at < (SELECT business_now()) - interval '15 minutes'""",
    )


async def requests(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "booking",
        ("requests_end",),
        """
        SELECT id, concat(state, ', to be answered by ', respond_by) AS requests_end
          FROM bookings
         WHERE state = 'awaiting_host'
           AND respond_by < (SELECT business_now()) - interval '1 hour'
           AND NOT EXISTS (SELECT FROM pots WHERE booking_id = bookings.id AND contested)""",
    )


async def pots(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "pot",
        ("pots_are_released",),
        """
        SELECT id, concat('held, to be released at ', closes_at) AS pots_are_released
          FROM pots
         WHERE state = 'held' AND NOT contested
           AND closes_at < (SELECT business_now()) - interval '15 minutes'""",
    )


async def bookings(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "booking",
        ("bookings_complete",),
        """
        SELECT id, concat('confirmed, and over since ', check_out_at) AS bookings_complete
          FROM bookings
         WHERE state = 'confirmed'
           AND check_out_at < (SELECT business_now()) - interval '1 hour'
           AND NOT EXISTS (
               SELECT FROM pots
                WHERE booking_id = bookings.id
                  AND (pots.state IN ('held', 'disputed')
                       OR (pots.kind = 'deposit' AND pots.state = 'refunding')
                       OR pots.updated_at > (SELECT business_now()) - interval '1 hour'))""",
    )


async def charges(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "payment",
        ("charges_settle",),
        """
        SELECT id, concat(state, ' since ', created_at) AS charges_settle
          FROM payments
         WHERE state IN ('created', 'pending')
           AND created_at < (SELECT business_now()) - interval '1 day'""",
    )


async def instructions(tx: Tx) -> Verdicts:
    """Refunds and transfers whose next step is late.

    Only ten failed transfers are tried again in an hour, so they may wait for a day. Those of a
    contested charge wait until that is decided, and some wait for a person.
    """
    return await judge(
        tx,
        "instruction",
        ("instructions_move",),
        """
        SELECT id, concat(kind, ' ', state, ', to be looked at ', next_try_at) AS instructions_move
          FROM instructions
         WHERE next_try_at < (SELECT business_now()) - interval '1 hour'
           AND (state <> 'failed'
                OR next_try_at < (SELECT business_now()) - interval '1 day')
           AND (state <> 'queued' OR waits_for IS NULL OR waits_for NOT IN ('name', 'approval'))
           AND NOT EXISTS (SELECT FROM payments WHERE id = payment_id AND contested)""",
    )


async def given_up(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "instruction",
        ("instructions_arrive",),
        """
        SELECT id, concat(kind, ', after attempt ', attempt, ': ', failure) AS instructions_arrive
          FROM instructions
         WHERE state = 'failed' AND next_try_at IS NULL""",
    )


async def webhooks(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "webhook event",
        ("webhooks_processed",),
        """
        SELECT id, concat(state, ' after ', attempts, ' attempts') AS webhooks_processed
          FROM webhook_events
         WHERE state IN ('received', 'failed')
           AND (next_try_at < (SELECT business_now()) - interval '15 minutes'
                OR attempts >= %(tries_max)s)""",
        tries_max=TRIES_MAX,
    )


async def mails(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "notification",
        ("mails_sent",),
        """
        SELECT id, concat(kind, ', due ', next_try_at, ': ', last_error) AS mails_sent
          FROM notifications
         WHERE state = 'queued'
           AND next_try_at < (SELECT business_now()) - interval '30 minutes'""",
    )


async def keys(tx: Tx) -> Verdicts:
    return await judge(
        tx,
        "idempotency key",
        ("keys_come_free",),
        """
        SELECT concat_ws(' ', principal_id, route, key) AS id,
               concat('busy until ', busy_until) AS keys_come_free
          FROM idempotency_keys
         WHERE reply IS NULL AND busy_until > (SELECT business_now()) + interval '1 hour'""",
    )
