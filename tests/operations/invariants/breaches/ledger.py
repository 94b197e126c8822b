"""Units sold or claimed wrongly, and books that do not add up."""

from typing import Final

from tests.operations.invariants.breaches.breach import NOBODY, REVENUE, Breach, first, posting

_FULL_ESCROW: Final = """
    kind = 'escrow_rental' AND currency = 'NGN' AND EXISTS (
        SELECT FROM pots WHERE booking_id = owner_id AND state = 'held' AND kind = 'rental')"""
_EMPTY_ESCROW: Final = """
    kind = 'escrow_rental' AND currency = 'NGN' AND NOT EXISTS (
        SELECT FROM pots WHERE booking_id = owner_id AND state IN ('held', 'disputed'))"""
_LOSSES: Final = "kind = 'chargeback_losses' AND currency = 'NGN'"
_MISSING: Final = "false"


def _named(account: str) -> str:
    return first("concat_ws(' ', kind, owner_id, gateway, currency)", account)


def _five_too_much(law: str, account: str) -> Breach:
    """On an account, from another one."""
    entries = (account, 5), (_LOSSES, -5)
    return Breach(
        law,
        "five too much",
        posting("gateway_fee", NOBODY, *entries, names=_named(account)),
        also=("losses_are_chargebacks",),
    )


UNITS: Final = (
    Breach(
        "sold_once",
        "a claim is gone",
        """
        DELETE FROM claims WHERE ctid = (
            SELECT claims.ctid FROM claims JOIN bookings ON bookings.id = booking_id
             WHERE state = 'completed' LIMIT 1)
        RETURNING booking_id""",
    ),
    Breach(
        "sold_once",
        "a claim has a deadline",
        """
        UPDATE claims SET expires_at = business_now() WHERE ctid = (
            SELECT claims.ctid FROM claims JOIN bookings ON bookings.id = booking_id
             WHERE state = 'confirmed' LIMIT 1)
        RETURNING booking_id""",
    ),
    Breach(
        "held_until_deadline",
        "the claims expire before the hold",
        """
        UPDATE claims SET expires_at = expires_at - interval '1 second'
         WHERE booking_id = (SELECT id FROM bookings WHERE state = 'held' LIMIT 1)
        RETURNING booking_id""",
    ),
    Breach(
        "unpaid_holds_end",
        "a hold that has run out has its units for good",
        """
        WITH hold AS (
            UPDATE bookings SET expires_at = business_now()
             WHERE id = (SELECT id FROM bookings WHERE state = 'awaiting_payment' LIMIT 1)
            RETURNING id)
        UPDATE claims SET expires_at = NULL FROM hold WHERE booking_id = hold.id
        RETURNING booking_id""",
    ),
    Breach(
        "ended_claims_nothing",
        "a claim was left behind",
        """
        INSERT INTO claims (unit_id, slot, booking_id, expires_at)
        SELECT unit_ids[1], first_slot, id, business_now() FROM bookings WHERE state = 'expired'
         LIMIT 1
        RETURNING booking_id""",
    ),
    Breach(
        "claims_as_booked",
        "a night too many",
        """
        INSERT INTO claims (unit_id, slot, booking_id)
        SELECT unit_ids[1], last_slot + 1, id FROM bookings
         WHERE state = 'confirmed' AND kind = 'stay' LIMIT 1
        RETURNING booking_id""",
    ),
)

LEDGER: Final = (
    Breach(
        "ledger_balances",
        "one side only",
        posting("adjustment", NOBODY, (REVENUE, 5), names="id"),
    ),
    Breach(
        "ledger_balances",
        "two currencies",
        posting(
            "adjustment",
            NOBODY,
            (REVENUE, 5),
            ("kind = 'platform_revenue' AND currency = 'GHS'", -5),
            names="id",
        ),
    ),
    Breach(
        "ledger_balances",
        "no entries",
        """
        INSERT INTO ledger_transactions (kind, source_id, memo)
        VALUES ('adjustment', gen_random_uuid(), 'a breach') RETURNING id""",
    ),
    Breach(
        "ledger_balances",
        "an account that is not there",
        posting("adjustment", NOBODY, (_MISSING, 5), (_MISSING, -5), names="id"),
    ),
    Breach(
        "escrow_not_negative",
        "paid out twice, by an adjustment",
        posting(
            "adjustment", NOBODY, (_EMPTY_ESCROW, -5), (REVENUE, 5), names=_named(_EMPTY_ESCROW)
        ),
        also=("escrow_is_the_pots",),
    ),
    _five_too_much("escrow_is_the_pots", _FULL_ESCROW),
    _five_too_much("guests_owed_refunds", "kind = 'guest_refundable' AND currency = 'NGN'"),
    _five_too_much("hosts_owed_transfers", "kind = 'host_payable' AND currency = 'NGN'"),
    _five_too_much("revenue_is_commission", REVENUE),
    _five_too_much("cash_at_gateways", "kind = 'gateway_clearing' AND currency = 'NGN'"),
    _five_too_much("bank_has_payouts", "kind = 'bank' AND currency = 'NGN'"),
    Breach(
        "losses_are_chargebacks",
        "five too much",
        posting("gateway_fee", NOBODY, (_LOSSES, 5), (REVENUE, -5), names=_named(_LOSSES)),
        also=("revenue_is_commission",),
    ),
    Breach(
        "vouchers_cost",
        "a voucher that no pot has",
        f"""
        WITH account AS (
            INSERT INTO ledger_accounts (kind, currency) VALUES ('vouchers', 'NGN') RETURNING id
        ), posted AS (
            INSERT INTO ledger_transactions (kind, source_id, memo)
            VALUES ('gateway_fee', {NOBODY}, 'a breach') RETURNING id
        ), entries AS (
            INSERT INTO ledger_entries (transaction_id, account_id, amount)
            SELECT posted.id, account.id, -5 FROM posted, account
             UNION ALL
            SELECT posted.id, ({first("id", _LOSSES)}), 5 FROM posted
        )
        SELECT 'vouchers NGN' FROM posted""",
        also=("losses_are_chargebacks",),
    ),
    Breach(
        "checkpoints_sum_up",
        "a sum of nothing",
        """
        INSERT INTO ledger_checkpoints (account_id, entry_id, balance, at)
        SELECT min(account_id), 10, 123, business_now() FROM ledger_entries
        RETURNING account_id || ' up to ' || entry_id""",
    ),
)
