"""Settlements and their lines as the API shows them."""

from app.foundation.money import SignedMoney
from app.money.ledger.rules import WORDS
from app.money.settlements.model import (
    Columns,
    Line,
    Settlement,
    SettlementLineReply,
    SettlementReply,
)


def _amounts(columns: Columns, currency: str) -> dict[str, SignedMoney]:
    amounts = {name: getattr(columns, name) for name in Columns.__struct_fields__}
    return {
        name: SignedMoney(amount=amount, currency=currency)
        for name, amount in {**amounts, "net": columns.net}.items()
    }


def as_reply(settlement: Settlement) -> SettlementReply:
    """A settlement as the API shows it."""
    currency = settlement.currency
    return SettlementReply(
        id=settlement.id,
        month=f"{settlement.month:%Y-%m}",
        host_id=settlement.host_id,
        currency=currency,
        carried_over=SignedMoney(amount=settlement.carried_over, currency=currency),
        balance=SignedMoney(amount=settlement.balance, currency=currency),
        line_count=settlement.lines,
        **_amounts(settlement, currency),
    )


def line_as_reply(line: Line) -> SettlementLineReply:
    """A line as the API shows it."""
    return SettlementLineReply(
        transaction_id=line.transaction_id,
        at=line.at,
        kind=line.kind,
        what=WORDS[line.kind],
        memo=line.memo,
        source_id=line.source_id,
        booking_id=line.booking_id,
        **_amounts(line, line.currency),
    )
