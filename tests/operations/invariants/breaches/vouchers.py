"""Vouchers that are used too often, or by nobody."""

from typing import Final

from tests.operations.invariants.breaches.breach import Breach

_VOUCHER: Final = """
    voucher AS (
        INSERT INTO vouchers (id, code, name, percent_bps, borne_by, made_by, starts_at, ends_at,
                              uses_max, uses, once_per_guest)
        SELECT gen_random_uuid(), 'BREACH', 'a breach', 1000, 'platform', id, business_now(),
               business_now() + interval '1 day', 3, {uses}, {once}
          FROM accounts LIMIT 1
        RETURNING id)"""


def _with_voucher(then: str, *, uses: int = 1, once: bool = False) -> str:
    return f"WITH {_VOUCHER.format(uses=uses, once=str(once).lower())}{then}"


VOUCHERS: Final = (
    Breach(
        "vouchers_not_oversold",
        "counted where nobody has used it",
        _with_voucher(" SELECT id FROM voucher"),
    ),
    Breach(
        "vouchers_not_oversold",
        "used by one guest twice",
        _with_voucher(
            """, two AS (
            SELECT id, currency FROM bookings WHERE state = 'confirmed' LIMIT 2
        ), used AS (
            INSERT INTO voucher_uses (booking_id, voucher_id, guest_id, amount, currency)
            SELECT two.id, voucher.id, (SELECT id FROM accounts LIMIT 1), 5, two.currency
              FROM two, voucher
        )
        SELECT id FROM voucher""",
            uses=2,
            once=True,
        ),
        also=("voucher_uses_fit",),
    ),
    Breach(
        "voucher_uses_fit",
        "used by a booking that costs as much as without it",
        _with_voucher(
            """, used AS (
            INSERT INTO voucher_uses (booking_id, voucher_id, guest_id, amount, currency)
            SELECT bookings.id, voucher.id, guest_id, 5, currency
              FROM bookings, voucher WHERE bookings.state = 'confirmed' LIMIT 1
            RETURNING booking_id
        )
        SELECT booking_id FROM used"""
        ),
    ),
)
