"""Begin and list refunds."""

from typing import Any, Final

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.faults import Operation, Rule, distort, inject_after_effect, inject_before_effect
from app.sandbox.paystack.api.reading import (
    business_of,
    read_amount,
    read_fields,
    read_page,
    require,
    with_valid_key,
)
from app.sandbox.paystack.api.transactions import find_own, is_own
from app.sandbox.paystack.businesses import Business
from app.sandbox.paystack.dialect import NAME
from app.sandbox.paystack.wire import errors, refunds
from app.sandbox.simulator import Simulator

_PER_PAGE_MAX: Final = 100
_NEXT_STEP: Final = "Check the amount that is left of the transaction"


@post("/", status_code=200)
async def create(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.REFUND)
    await inject_before_effect(rule)
    fields = read_fields(await request.body())
    require(fields, "transaction")
    transaction = _transaction(simulator, business_of(request), str(fields["transaction"]))
    refund = simulator.bank.refund(
        transaction,
        amount=_amount(simulator, transaction, fields),
        merchant_note=_note(fields, "merchant_note", transaction),
        customer_note=_note(fields, "customer_note", transaction),
        rule=rule,
    )
    await inject_after_effect(rule)
    return refunds.created(refund, transaction)


@get("/")
async def listed(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.REFUNDS)
    await inject_before_effect(rule)
    rows = [_as_json(simulator, each, rule) for each in _filtered(simulator, request)]
    shown, meta = read_page(request, rows, per_page_max=_PER_PAGE_MAX, rule=rule)
    await inject_after_effect(rule)
    return refunds.listed(shown, meta)


@get("/{refund_id:str}")
async def read(
    request: Request[Any, Any, State],
    refund_id: FromPath[str],
    simulator: NamedDependency[Simulator],
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.REFUNDS)
    await inject_before_effect(rule)
    found = [each for each in simulator.books.refunds.all() if str(each.id) == refund_id]
    is_known = found and found[0].gateway == NAME
    if not is_known or found[0].currency not in business_of(request).currencies:
        raise errors.not_found("Refund")
    await inject_after_effect(rule)
    return refunds.found(_as_json(simulator, found[0], rule))


router = Router("/refund", route_handlers=[create, listed, read], guards=[with_valid_key])


def _transaction(simulator: Simulator, business: Business, given: str) -> Transaction:
    """A transaction by its reference or id; it must be paid, and not refunded in full."""
    by_id = simulator.books.transactions.find_by_id(given)
    transaction = find_own(simulator, business, given) or by_id
    if transaction is None or not is_own(business, transaction):
        raise errors.transaction_not_found()
    if transaction.paid_at is None:
        raise errors.invalid("Transaction has not been paid", next_step=_NEXT_STEP)
    if simulator.books.refunds.left_of(transaction) == 0:
        raise errors.invalid("Transaction has been fully reversed", next_step=_NEXT_STEP)
    return transaction


def _amount(simulator: Simulator, transaction: Transaction, fields: dict[str, Any]) -> int:
    """The amount that was asked for, else all of the transaction."""
    if fields.get("currency", transaction.currency) != transaction.currency:
        raise errors.invalid("Currency differs from the transaction's", next_step=_NEXT_STEP)
    given = fields.get("amount")
    amount = transaction.amount if given is None else read_amount(given, transaction.currency)
    if amount > simulator.books.refunds.left_of(transaction):
        raise errors.invalid(
            "Refund amount cannot be more than what is left of the transaction",
            next_step=_NEXT_STEP,
        )
    return amount


def _note(fields: dict[str, Any], name: str, transaction: Transaction) -> str:
    return str(fields.get(name) or f"Refund for transaction {transaction.reference}")


def _filtered(simulator: Simulator, request: Request[Any, Any, State]) -> list[Refund]:
    """Refunds; the filter `transaction` takes the id of a transaction, not its reference."""
    found = simulator.books.refunds.listed(
        transaction_id=request.query_params.get("transaction"),
        currency=request.query_params.get("currency"),
    )
    hidden = set[int]() if request.query_params.get("transaction") else _hidden(simulator)
    currencies = business_of(request).currencies
    return [
        each
        for each in found
        if each.gateway == NAME and each.currency in currencies and each.id not in hidden
    ]


def _hidden(simulator: Simulator) -> set[int]:
    return simulator.books.hidden.ids("refunds")


def _as_json(simulator: Simulator, refund: Refund, rule: Rule | None) -> dict[str, Any]:
    amount, currency = distort(rule, amount=refund.amount, currency=refund.currency)
    shown = msgspec.structs.replace(refund, amount=amount, currency=currency)
    return refunds.as_json(shown, simulator.books.transactions.get(refund.transaction_id))
