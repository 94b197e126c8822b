"""Routes for tests and people: act at the gateways' dashboards, and be as unkind as they are."""

from random import Random
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Router, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException, ValidationException
from litestar.params import FromPath
from msgspec import Meta

from app.sandbox.bank import NotPossible
from app.sandbox.books.payouts import Adjustment, Payout
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.books.transfers import Transfer
from app.sandbox.control import find_charge, read
from app.sandbox.mischief import Deed, misbehave
from app.sandbox.simulator import Simulator
from app.sandbox.terms import Terms

ApiRequest = Request[Any, Any, State]
_Gateway = Literal["flutterwave", "paystack", "stripe"]
_DIGITS: Final = 10  # more than any seed or number of times has
_Amount = Annotated[int, Meta(ge=1, le=10**15)]
_Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]


class _Given(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a request asks for. Amounts are wire amounts."""


class _OwnRefund(_Given):
    charge: str
    amount: _Amount | None = None


class _OwnTransfer(_Given):
    gateway: _Gateway
    amount: _Amount
    currency: _Currency
    recipient: str | None = None


class _TakeBack(_Given):
    transfer: str
    amount: _Amount | None = None


class _Adjust(_Given):
    gateway: _Gateway
    amount: Annotated[int, Meta(ge=-(10**15), le=10**15)]
    currency: _Currency
    kind: Literal["adjustment", "stripe_fee", "topup", "contribution"] = "adjustment"
    reason: Annotated[str, Meta(max_length=200)] = "Correction"


class _PayOut(_Given):
    gateway: _Gateway
    currency: _Currency
    amount: _Amount | None = None
    fee: Annotated[int, Meta(ge=0, le=10**15)] = 0
    status: Literal["pending", "paid", "failed"] | None = None


class _OwnCharge(_Given):
    gateway: _Gateway
    amount: _Amount
    currency: _Currency
    email: str = "stranger@example.com"
    reference: str | None = None


class _Attempt(_Given):
    charge: str
    outcome: Literal["paid", "declined"]
    amount: _Amount | None = None


class _Hide(_Given):
    what: Literal["charges", "refunds", "transfers"]
    key: str
    hidden: bool


@post("/dashboard/refunds", status_code=200)
async def refund(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Refund:
    """Refund `{"charge": reference or id, "amount"?}` without a mark of ours."""
    given: _OwnRefund = read(await request.body(), _OwnRefund)
    charge = find_charge(simulator, given.charge)
    try:
        return simulator.dashboard.refund(charge, amount=given.amount)
    except NotPossible as error:
        raise ValidationException(str(error)) from error


@post("/dashboard/transfers", status_code=200)
async def transfer(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Transfer:
    """Pay `{"gateway", "amount", "currency", "recipient"?}`; without a recipient, a stranger."""
    given: _OwnTransfer = read(await request.body(), _OwnTransfer)
    try:
        return simulator.dashboard.transfer(
            given.gateway, amount=given.amount, currency=given.currency, recipient=given.recipient
        )
    except NotPossible as error:
        raise ValidationException(str(error)) from error


@post("/dashboard/reversals", status_code=200)
async def take_back(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Transfer:
    """Take `{"transfer": id, code or reference, "amount"?}` back, all or a part."""
    given: _TakeBack = read(await request.body(), _TakeBack)
    found = simulator.books.transfers.find(given.transfer)
    if found is None:
        raise NotFoundException(f"There is no transfer {given.transfer}.")
    try:
        return simulator.dashboard.take_back(found, amount=given.amount)
    except NotPossible as error:
        raise ValidationException(str(error)) from error


@post("/dashboard/adjustments", status_code=200)
async def adjust(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Adjustment:
    """Correct the balance by `{"gateway", "amount", "currency", "kind"?, "reason"?}`."""
    given: _Adjust = read(await request.body(), _Adjust)
    return simulator.dashboard.adjust(
        given.gateway,
        amount=given.amount,
        currency=given.currency,
        kind=given.kind,
        reason=given.reason,
    )


@post("/dashboard/payouts", status_code=200)
async def pay_out(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Payout:
    """Pay our own bank: `{"gateway", "currency", "amount"?, "fee"?, "status"?}`.

    Without an amount it is the whole balance; without a status it is paid a step later.
    """
    given: _PayOut = read(await request.body(), _PayOut)
    try:
        return simulator.dashboard.pay_out(
            given.gateway,
            currency=given.currency,
            amount=given.amount,
            fee=given.fee,
            status=given.status,
        )
    except NotPossible as error:
        raise ValidationException(str(error)) from error


@get("/payouts")
async def payouts(simulator: NamedDependency[Simulator]) -> list[Payout]:
    return simulator.books.payouts.all()


@post("/payouts/{key:str}/{status:str}", status_code=200)
async def end_payout(
    key: FromPath[str], status: FromPath[str], simulator: NamedDependency[Simulator]
) -> Payout:
    """End a payout now: `paid` or `failed`; one that was paid can fail later."""
    found = simulator.books.payouts.find(key)
    if found is None:
        raise NotFoundException(f"There is no payout {key}.")
    try:
        return simulator.bank.end_payout(found, status)
    except NotPossible as error:
        raise ValidationException(str(error)) from error


@post("/dashboard/charges", status_code=200)
async def take(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Transaction:
    """Take `{"gateway", "amount", "currency", "email"?, "reference"?}` without a call of ours.

    With a reference it is a charge that was ours and that we have forgotten.
    """
    given: _OwnCharge = read(await request.body(), _OwnCharge)
    if given.reference and simulator.books.transactions.find(given.reference):
        raise ValidationException(f"There is a charge {given.reference}.")
    return simulator.cashier.take(
        given.gateway,
        amount=given.amount,
        currency=given.currency,
        email=given.email,
        reference=given.reference,
    )


@post("/dashboard/attempts", status_code=200)
async def attempt(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Transaction:
    """Another attempt at `{"charge", "outcome": "paid" | "declined"}` after one that was paid."""
    given: _Attempt = read(await request.body(), _Attempt)
    charge = find_charge(simulator, given.charge)
    try:
        if given.outcome == "paid":
            return simulator.cashier.pay_again(charge, amount=given.amount)
        return simulator.cashier.decline_again(charge)
    except NotPossible as error:
        raise ValidationException(str(error)) from error


@put("/hidden")
async def hide(request: ApiRequest, simulator: NamedDependency[Simulator]) -> list[int]:
    """Hide a row from lists, or show it: `{"what", "key", "hidden"}`. Returns what is hidden."""
    given: _Hide = read(await request.body(), _Hide)
    found = {
        "charges": simulator.books.transactions.find,
        "refunds": simulator.books.refunds.find,
        "transfers": simulator.books.transfers.find,
    }[given.what](given.key)
    if found is None:
        raise NotFoundException(f"There is nothing called {given.key}.")
    change = simulator.books.hidden.hide if given.hidden else simulator.books.hidden.show
    change(given.what, found.id)
    return sorted(simulator.books.hidden.ids(given.what))


@get("/terms/{gateway:str}")
async def terms(gateway: FromPath[str], simulator: NamedDependency[Simulator]) -> Terms:
    if gateway not in simulator.cashier.terms:
        raise NotFoundException(f"There is no gateway {gateway}.")
    return simulator.cashier.terms[gateway]


@put("/terms/{gateway:str}")
async def set_terms(
    gateway: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> Terms:
    """`{"settlesIn": {"GBP": {"currency": "EUR", "rate": "1.17"}}, "lateSeconds": 0}`."""
    if gateway not in simulator.cashier.terms:
        raise NotFoundException(f"There is no gateway {gateway}.")
    given: Terms = read(await request.body(), Terms)
    simulator.cashier.terms[gateway] = given
    return given


@post("/misbehave", status_code=200)
async def do_mischief(request: ApiRequest, simulator: NamedDependency[Simulator]) -> list[Deed]:
    """Act at random at the dashboards, `?times=` times from a `?seed=`. Returns what was done."""
    numbers = {name: request.query_params.get(name, "1") for name in ("seed", "times")}
    if not all(each.isdecimal() and len(each) < _DIGITS for each in numbers.values()):
        raise ValidationException("seed and times are whole numbers")
    return misbehave(simulator, Random(int(numbers["seed"])), int(numbers["times"]))  # noqa: S311


router = Router(
    "/sandbox",
    route_handlers=[
        refund, transfer, take_back, adjust, pay_out, payouts, end_payout, take, attempt, hide,
        terms, set_terms, do_mischief,
    ],
)  # fmt: skip
