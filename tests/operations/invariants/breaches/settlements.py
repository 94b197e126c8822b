"""Ways to break the laws of settlements, and of the bank."""

from typing import Final

from tests.operations.invariants.breaches.breach import Breach

_ONE_LINE: Final = "(SELECT min(transaction_id) FROM settlement_lines WHERE kind = '{}')"
_SUM: Final = ("settlements_sum_up",)


def _deed(how: str, sql: str, of: str = "division") -> Breach:
    where = f"WHERE transaction_id = {_ONE_LINE.format(of)} RETURNING transaction_id"
    return Breach("hosts_settled", how, f"{sql} {where}", also=_SUM)


SETTLEMENTS: Final = (
    _deed("a line is lost", "DELETE FROM settlement_lines"),
    _deed("a line of a transfer is lost", "DELETE FROM settlement_lines", "transfer"),
    _deed("a host earned five more", "UPDATE settlement_lines SET gross = gross + 5"),
    _deed(
        "the platform had five more",
        "UPDATE settlement_lines SET gross = gross + 5, platform_fee = platform_fee + 5",
    ),
    _deed(
        "a guest had five more back",
        "UPDATE settlement_lines SET gross = gross + 5, refunds = refunds + 5",
    ),
    _deed("a transfer paid five more", "UPDATE settlement_lines SET paid = paid + 5", "transfer"),
    Breach(
        "hosts_settled",
        "a line of nothing",
        """
        INSERT INTO settlement_lines
        SELECT 999999999, host_id, currency, month, kind, source_id, booking_id, memo, at, gross,
               platform_fee, gateway_fees, refunds, chargebacks, debts, other, paid
          FROM settlement_lines LIMIT 1 RETURNING transaction_id""",
        also=_SUM,
    ),
    *(
        Breach(
            "settlements_sum_up",
            how,
            f"UPDATE settlements SET {change} WHERE id = (SELECT min(id::text) FROM settlements)"
            "::uuid RETURNING id",
        )
        for how, change in (
            ("five too much", "gross = gross + 5"),
            ("a line too many", "lines = lines + 1"),
            ("five from nowhere", "carried_over = carried_over + 5"),
        )
    ),
    Breach(
        "settlements_sum_up",
        "a settlement is lost",
        """
        DELETE FROM settlements WHERE id = (SELECT min(id::text) FROM settlements)::uuid
        RETURNING concat_ws(' ', month, host_id, currency)""",
    ),
)

BANK: Final = (
    Breach(
        "statements_add_up",
        "five more in the end",
        "UPDATE bank_statements SET closing = closing + 5 RETURNING id",
    ),
    Breach(
        "statements_add_up",
        "an entry is of nobody's account",
        """
        WITH moved AS (UPDATE bank_entries SET account_id = -1)
        SELECT id FROM bank_statements""",
    ),
    Breach(
        "payouts_arrived_once",
        "with less than the entry",
        """
        UPDATE expected_payouts SET arrived_amount = 5 WHERE entry_id IS NOT NULL RETURNING id""",
    ),
    Breach(
        "payouts_arrived_once",
        "with an entry that was taken back",
        """
        WITH back AS (
            INSERT INTO bank_reversals (entry_id, taken_back)
            SELECT -1, entry_id FROM expected_payouts WHERE entry_id IS NOT NULL
            RETURNING taken_back)
        SELECT id FROM expected_payouts JOIN back ON entry_id = taken_back""",
    ),
)
