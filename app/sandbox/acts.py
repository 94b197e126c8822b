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


_KINDS: Final[dict[str, type[Any]]] = {
    "adjustments": _Adjust,
    "attempts": _Attempt,
    "charges": _OwnCharge,
    "payouts": _PayOut,
    "refunds": _OwnRefund,
    "reversals": _TakeBack,
    "transfers": _OwnTransfer,
}
Made = Adjustment | Payout | Refund | Transaction | Transfer


@post("/dashboard/{what:str}", status_code=200)
async def act(
    what: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> Made:
    """What people do at a gateway's dashboard, without a mark of ours.

    `refunds` (`charge`, by reference or id, `amount`), `transfers` (`gateway`, `amount`,
    `currency`, `recipient`; without one, a stranger), `reversals` (`transfer`, by id, code or
    reference, `amount`), `adjustments` (`gateway`, `amount`, `currency`, `kind`, `reason`),
    `payouts` to our bank (`gateway`, `currency`, `amount`, `fee`, `status`), `charges` (`gateway`,
    `amount`, `currency`, `email`, `reference`), `attempts` after a success (`charge`, `outcome`,
    `amount`). Left out, `amount` is all there is.
    """
    kind = kind_of(what)
    return perform(simulator, read(await request.body(), kind))


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
        act, payouts, end_payout, hide, terms, set_terms, do_mischief,
    ],
)  # fmt: skip


def kind_of(what: str) -> type[Any]:
    """What an act takes. Raises NotFoundException."""
    if what not in _KINDS:
        raise NotFoundException(f"There is no {what}, only {', '.join(_KINDS)}.")
    return _KINDS[what]


def perform(simulator: Simulator, given: Any) -> Made:
    """Do an act. Raises ValidationException if it is not possible, NotFoundException."""
    try:
        return _perform(simulator, given)
    except NotPossible as error:
        raise ValidationException(str(error)) from error


def _perform(simulator: Simulator, given: Any) -> Made:
    dashboard = simulator.dashboard
    match given:
        case _OwnRefund(charge=key, amount=amount):
            return dashboard.refund(find_charge(simulator, key), amount=amount)
        case _TakeBack(transfer=key, amount=amount):
            return dashboard.take_back(_find_transfer(simulator, key), amount=amount)
        case _Attempt(charge=key, outcome="paid", amount=amount):
            return simulator.cashier.pay_again(find_charge(simulator, key), amount=amount)
        case _Attempt(charge=key):
            return simulator.cashier.decline_again(find_charge(simulator, key))
        case _OwnCharge(reference=str(reference)) if _is_used(simulator, reference):
            raise ValidationException(f"There is a charge {reference}.")
        case _OwnCharge():
            return simulator.cashier.take(**msgspec.structs.asdict(given))
        case _OwnTransfer():
            return dashboard.transfer(**msgspec.structs.asdict(given))
        case _Adjust():
            return dashboard.adjust(**msgspec.structs.asdict(given))
        case _:
            return dashboard.pay_out(**msgspec.structs.asdict(given))


def _find_transfer(simulator: Simulator, key: str) -> Transfer:
    found = simulator.books.transfers.find(key)
    if found is None:
        raise NotFoundException(f"There is no transfer {key}.")
    return found


def _is_used(simulator: Simulator, reference: str) -> bool:
    return simulator.books.transactions.find(reference) is not None
