"""What changed the balance, one line for each change; and payouts to the merchant's bank."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from app.sandbox.books.books import Books
from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.books.payouts import FAILED, Payout
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.books.transfers import Transfer
from app.sandbox.stripe.wire.times import unix

NAME: Final = "stripe"


class Change(NamedTuple):
    """One change of the balance, with the amount before its fee; `at` is a time of the books."""

    id: str
    at: str
    kind: str
    category: str
    amount: int
    fee: int
    currency: str
    source: str | None
    exchange_rate: str | None = None
    description: str | None = None


def changes(books: Books) -> list[Change]:
    """All changes of the balance that are reported by now, newest first."""
    found = [
        *(of_charge(each) for each in books.transactions.all() if _is_reported(each)),
        *(line for each in books.refunds.all() if _is_ours(each) for line in of_refund(each)),
        *(line for each in books.chargebacks.all() if _is_ours(each) for line in of_dispute(each)),
        *_of_transfers(books),
        *(line for each in books.payouts.all() if _is_ours(each) for line in _of_payout(each)),
        *_of_others(books),
    ]
    return sorted(found, key=lambda each: (each.at, each.id), reverse=True)


def as_json(of: Change) -> dict[str, Any]:
    fee_details = [
        {
            "amount": of.fee,
            "application": None,
            "currency": of.currency.lower(),
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    return {
        "id": of.id,
        "object": "balance_transaction",
        "amount": of.amount,
        "available_on": unix(of.at),
        "balance_type": "payments",
        "created": unix(of.at),
        "currency": of.currency.lower(),
        "description": of.description,
        "exchange_rate": float(of.exchange_rate) if of.exchange_rate else None,
        "fee": of.fee,
        "fee_details": fee_details if of.fee else [],
        "net": of.amount - of.fee,
        "reporting_category": of.category,
        "source": of.source,
        "status": "available",
        "type": of.kind,
    }


def of_charge(of: Transaction) -> Change:
    """What a paid charge brings the balance."""
    return Change(
        id=f"txn_{of.id}",
        at=of.at,
        kind="charge",
        category="charge",
        amount=of.amount if of.settled_amount is None else of.settled_amount,
        fee=of.fee or 0,
        currency=of.settled_currency or of.currency,
        source=f"ch_{of.id}",
        exchange_rate=of.exchange_rate,
    )


def of_dispute(of: Chargeback) -> Iterator[Change]:
    """What was withdrawn when it was opened, with the fee, and what was returned."""
    amount, currency = of.taken
    source = f"dp_{of.id}"
    yield Change(
        f"txn_{of.id}_1", of.created_at, "adjustment", "dispute", -amount, of.fee, currency, source
    )
    if not of.is_taken:
        yield Change(
            f"txn_{of.id}_2", of.resolved_at or of.created_at, "adjustment", "dispute_reversal",
            amount, 0, currency, source,
        )  # fmt: skip


def payout(of: Payout) -> dict[str, Any]:
    is_failed = of.status == FAILED
    return {
        "id": f"po_{of.id}",
        "object": "payout",
        "amount": of.amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": unix(of.paid_at or of.created_at),
        "automatic": False,
        "balance_transaction": f"txn_{of.id}",
        "created": unix(of.created_at),
        "currency": of.currency.lower(),
        "description": "STRIPE PAYOUT",
        "destination": "card_0000000000",
        "failure_balance_transaction": f"txn_{of.id}_2" if is_failed else None,
        "failure_code": "account_closed" if is_failed else None,
        "failure_message": "The bank account has been closed" if is_failed else None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": of.status,
        "trace_id": None,
        "type": "card",
    }


def _is_ours(of: Refund | Chargeback | Payout | Transfer) -> bool:
    return of.gateway == NAME


def _is_reported(of: Transaction) -> bool:
    return of.gateway == NAME and of.settled_at is not None


def of_refund(of: Refund) -> Iterator[Change]:
    """What a refund takes out of the balance, and brings back if it fails."""
    if of.status == "needs-attention":
        return
    amount, currency = of.taken
    source = f"re_{of.id}"
    yield Change(f"txn_{of.id}", of.created_at, "refund", "refund", -amount, 0, currency, source)
    if of.status == "failed":
        yield Change(
            f"txn_{of.id}_2", of.updated_at, "refund_failure", "refund_failure", amount, 0,
            currency, source,
        )  # fmt: skip


def _of_transfers(books: Books) -> Iterator[Change]:
    currencies: dict[int, str] = {}
    for each in books.transfers.all():
        if _is_ours(each):
            currencies[each.id] = each.currency
            yield Change(
                f"txn_{each.id}", each.created_at, "transfer", "transfer", -each.amount, 0,
                each.currency, each.transfer_code,
            )  # fmt: skip
    for back in books.transfers.reversals():
        if back.transfer_id in currencies:
            yield Change(
                f"txn_{back.id}", back.created_at, "transfer_refund", "transfer_reversal",
                back.amount, 0, currencies[back.transfer_id], f"trr_{back.id}",
            )  # fmt: skip


def _of_payout(of: Payout) -> Iterator[Change]:
    source = f"po_{of.id}"
    yield Change(
        f"txn_{of.id}", of.created_at, "payout", "payout", -of.amount, 0, of.currency, source
    )
    if of.fee:  # on a line of its own, and kept if the payout fails
        yield Change(
            f"txn_{of.id}_1", of.created_at, "stripe_fee", "fee", -of.fee, 0, of.currency, None,
            description="Payout fee",
        )  # fmt: skip
    if of.status == FAILED:
        yield Change(
            f"txn_{of.id}_2", of.updated_at, "payout_failure", "payout_reversal", of.amount, 0,
            of.currency, source,
        )  # fmt: skip


def _of_others(books: Books) -> Iterator[Change]:
    for each in books.payouts.adjustments():
        if each.gateway == NAME:
            category = {"adjustment": "other_adjustment", "stripe_fee": "fee"}.get(each.kind)
            yield Change(
                f"txn_{each.id}", each.created_at, each.kind, category or each.kind, each.amount,
                0, each.currency, None, description=each.reason,
            )  # fmt: skip
    for top_up in books.top_ups(NAME):
        yield Change(
            f"txn_tu_{top_up.id}", top_up.created_at, "topup", "topup", top_up.amount, 0,
            top_up.currency, f"tu_{top_up.id}",
        )  # fmt: skip
