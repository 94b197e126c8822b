"""Ways to break the laws of settlements."""

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
