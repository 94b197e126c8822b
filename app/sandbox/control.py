"""Routes for tests and people: look inside, act as guest and bank, and inject faults."""

from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Router, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException, ValidationException
from litestar.params import FromPath
from msgspec import Meta

from app.sandbox.bank import NotPossible, Verb
from app.sandbox.books.accounts import ConnectedAccount, Standing
from app.sandbox.books.books import Account
from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.books.deliveries import Delivery
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.books.transfers import Transfer
from app.sandbox.faults import POSSIBLE, Mix, Rule
from app.sandbox.issuer import DAYS, Outcome
from app.sandbox.simulator import Simulator

_STANDINGS: Final = {
    "onboard": Standing.READY,
    "check": Standing.CHECKED,
    "restrict": Standing.RESTRICTED,
    "revoke": Standing.GONE,
}


class _Replay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reference: str | None = None


class _TopUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    gateway: Literal["flutterwave", "paystack", "stripe"] = "paystack"
    amount: Annotated[int, Meta(ge=1, le=10**15)]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]


class _Sum(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What the guest pays, if it is not what was asked for. A wire amount.

    `isLate`: on a page that was closed while the guest had it open.
    """

    amount: Annotated[int, Meta(ge=1, le=10**15)] | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = None
    is_late: bool = False


class _ChargebackRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the guest's bank wants: a wire amount, or all.

    Evidence is accepted for so many `days`; null: it is not accepted.
    """

    amount: Annotated[int, Meta(ge=1, le=10**15)] | None = None
    reason: Annotated[str, Meta(min_length=1, max_length=100)] = "fraudulent"
    days: Annotated[int, Meta(ge=0, le=365)] | None = DAYS


class _Close(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    outcome: Outcome


class _Pace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long each step of a refund or transfer takes; null: only a call moves them."""

    seconds: Annotated[float, Meta(ge=0, le=3_600)] | None


@get("/charges")
async def charges(simulator: NamedDependency[Simulator]) -> list[Transaction]:
    return simulator.books.transactions.all()


@post("/charges/{reference:str}/pay", status_code=200)
async def pay(
    reference: FromPath[str],
    request: Request[Any, Any, State],
    simulator: NamedDependency[Simulator],
) -> Transaction:
    """Do what the page's Pay does; `{"amount", "currency"}` is what the guest pays instead."""
    paid = read(await request.body() or b"{}", _Sum)
    transaction = _charge(simulator, reference)
    simulator.cashier.pay(
        transaction, amount=paid.amount, currency=paid.currency, is_late=paid.is_late
    )
    return _charge(simulator, reference)


@post("/charges/{reference:str}/decline", status_code=200)
async def decline(reference: FromPath[str], simulator: NamedDependency[Simulator]) -> Transaction:
    """Do what the page's Decline does."""
    simulator.cashier.decline(_charge(simulator, reference))
    return _charge(simulator, reference)


@post("/charges/{reference:str}/settle", status_code=200)
async def settle(reference: FromPath[str], simulator: NamedDependency[Simulator]) -> Transaction:
    """Report now what the charge brings the balance, if that is late."""
    try:
        return simulator.cashier.settle(find_charge(simulator, reference))
    except NotPossible as error:
        raise ValidationException(str(error)) from error


@post("/charges/{reference:str}/chargeback", status_code=200)
async def charge_back(
    reference: FromPath[str],
    request: Request[Any, Any, State],
    simulator: NamedDependency[Simulator],
) -> Chargeback:
    """The guest's bank wants the charge back: all, or as `{"amount", "reason", "days"}` says."""
    wanted = read(await request.body() or b"{}", _ChargebackRequest)
    charge = find_charge(simulator, reference)
    try:
        return simulator.issuer.charge_back(
            charge, amount=wanted.amount, reason=wanted.reason, days=wanted.days
        )
    except NotPossible as error:
        raise ValidationException(str(error)) from error


@get("/chargebacks")
async def chargebacks(simulator: NamedDependency[Simulator]) -> list[Chargeback]:
    return simulator.books.chargebacks.all()


@post("/chargebacks/{key:str}/answer", status_code=200)
async def answer_chargeback(
    key: FromPath[str], simulator: NamedDependency[Simulator]
) -> Chargeback:
    """The merchant has sent evidence, and the bank reviews it."""
    try:
        return simulator.issuer.answer(_chargeback(simulator, key))
    except NotPossible as error:
        raise ValidationException(str(error)) from error


@post("/chargebacks/{key:str}/remind", status_code=200)
async def remind_of_chargeback(
    key: FromPath[str], simulator: NamedDependency[Simulator]
) -> Chargeback:
    """The merchant is reminded that evidence is awaited."""
    try:
        return simulator.issuer.remind(_chargeback(simulator, key))
    except NotPossible as error:
        raise ValidationException(str(error)) from error


@post("/chargebacks/{key:str}/close", status_code=200)
async def close_chargeback(
    key: FromPath[str], request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> Chargeback:
    """The bank decides: `{"outcome"}` is `won` or `lost`, as the merchant sees it."""
    given: _Close = read(await request.body(), _Close)
    return simulator.issuer.close(_chargeback(simulator, key), given.outcome)


@get("/refunds")
async def refunds(simulator: NamedDependency[Simulator]) -> list[Refund]:
    return simulator.books.refunds.all()


@post("/refunds/{key:str}/{verb:str}", status_code=200)
async def end_refund(
    key: FromPath[str], verb: FromPath[str], simulator: NamedDependency[Simulator]
) -> Refund:
    """End a refund, found by its id or its note, at once, whatever was planned."""
    refund = simulator.books.refunds.find(key)
    if refund is None:
        raise NotFoundException(f"There is no refund {key}.")
    try:
        return simulator.bank.end_refund(refund, _verb(verb))
    except NotPossible as error:
        raise ValidationException(str(error)) from error


@get("/transfers")
async def transfers(simulator: NamedDependency[Simulator]) -> list[Transfer]:
    return simulator.books.transfers.all()


@post("/transfers/{key:str}/{verb:str}", status_code=200)
async def end_transfer(
    key: FromPath[str], verb: FromPath[str], simulator: NamedDependency[Simulator]
) -> Transfer:
    """End a transfer, found by its id, code or reference, at once, whatever was planned."""
    transfer = simulator.books.transfers.find(key)
    if transfer is None:
        raise NotFoundException(f"There is no transfer {key}.")
    try:
        return simulator.bank.end_transfer(transfer, _verb(verb))
    except NotPossible as error:
        raise ValidationException(str(error)) from error


@get("/accounts")
async def accounts(simulator: NamedDependency[Simulator]) -> list[ConnectedAccount]:
    return simulator.books.accounts.all()


@post("/accounts/{code:str}/{verb:str}", status_code=200)
async def judge(
    code: FromPath[str], verb: FromPath[str], simulator: NamedDependency[Simulator]
) -> ConnectedAccount:
    """Change an account: `onboard` it as its owner would, `check` what the owner has entered,
    `restrict` it until more is known, or `revoke` our access to it.
    """
    if verb not in _STANDINGS:
        raise ValidationException(f"What can be done with an account: {', '.join(_STANDINGS)}")
    return _account(code, simulator.judge(code, _STANDINGS[verb]))


@delete("/accounts/{code:str}/links")
async def expire_links(code: FromPath[str], simulator: NamedDependency[Simulator]) -> None:
    simulator.books.accounts.expire_links(code)


@delete("/replies")
async def forget_replies(simulator: NamedDependency[Simulator]) -> None:
    """Let a day pass for idempotency keys: no reply is repeated any more."""
    simulator.books.replies.forget()


@put("/pace")
async def set_pace(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> _Pace:
    """How fast refunds and transfers that begin from now on move by themselves."""
    pace: _Pace = read(await request.body(), _Pace)
    simulator.bank.step_seconds = pace.seconds
    return pace


@get("/books")
async def books(simulator: NamedDependency[Simulator]) -> list[Account]:
    """The sums of all that happened, per gateway and currency, in wire amounts."""
    return simulator.books.sum_up()


@post("/top-ups", status_code=200)
async def top_up(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> list[Account]:
    """Add `{"gateway", "amount", "currency"}` (a wire amount) to a balance."""
    given: _TopUp = read(await request.body(), _TopUp)
    simulator.books.top_up(gateway=given.gateway, amount=given.amount, currency=given.currency)
    return simulator.books.sum_up()


@get("/deliveries")
async def deliveries(simulator: NamedDependency[Simulator]) -> list[Delivery]:
    return simulator.books.deliveries.all()


@post("/deliveries/replay", status_code=200)
async def replay(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> list[Delivery]:
    """Deliver webhooks again: all, or those about `{"reference": …}`."""
    body = await request.body() or b"{}"
    again = simulator.books.deliveries.replay(read(body, _Replay).reference)
    simulator.webhooks.wake()
    return again


@get("/faults")
async def faults(simulator: NamedDependency[Simulator]) -> list[Rule]:
    """The rules that are not used up yet."""
    return simulator.faults.rules


@put("/faults")
async def set_faults(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> list[Rule]:
    """Replace all rules with `[{"operation", "kind", "times", "delayMs"}]`; `[]` ends them."""
    rules = read(await request.body(), list[Rule])
    for rule in rules:
        if not rule.is_possible:
            possible = ", ".join(sorted(POSSIBLE[rule.operation]))
            raise ValidationException(f"{rule.operation} can only fail by: {possible}")
    simulator.faults.rules = rules
    return rules


@get("/mix")
async def mix(simulator: NamedDependency[Simulator]) -> Mix | None:
    return simulator.faults.mix


@put("/mix")
async def set_mix(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> Mix | None:
    """Faults at random: `{"seed", "share", "delayMs", "kinds"}`; `null` ends them."""
    simulator.faults.start_mix(read(await request.body(), Mix | None))
    return simulator.faults.mix


router = Router(
    "/sandbox",
    route_handlers=[
        charges, pay, decline, settle, charge_back, chargebacks, answer_chargeback,
        remind_of_chargeback, close_chargeback, refunds, end_refund, transfers, end_transfer,
        accounts, judge, expire_links, forget_replies, set_pace, books, top_up, deliveries,
        replay, faults, set_faults, mix, set_mix,
    ],
)  # fmt: skip


def find_charge(simulator: Simulator, key: str) -> Transaction:
    """A charge by its id or reference: of several under one reference the one that was paid."""
    books = simulator.books.transactions
    found = books.find_by_id(key.removeprefix("ch_")) or books.find_paid(key) or books.find(key)
    if found is None:
        raise NotFoundException(f"There is no charge {key}.")
    return found


def _charge(simulator: Simulator, reference: str) -> Transaction:
    """The newest charge under a reference."""
    transaction = simulator.books.transactions.find(reference)
    if transaction is None:
        raise NotFoundException(f"There is no charge {reference}.")
    return transaction


def _chargeback(simulator: Simulator, key: str) -> Chargeback:
    """A chargeback, found by its id."""
    chargeback = simulator.books.chargebacks.find(key)
    if chargeback is None:
        raise NotFoundException(f"There is no chargeback {key}.")
    return chargeback


def _account(code: str, account: ConnectedAccount | None) -> ConnectedAccount:
    if account is None:
        raise NotFoundException(f"There is no account {code}.")
    return account


def _verb(given: str) -> Verb:
    return read(msgspec.json.encode(given), Verb)


def read(body: bytes, kind: Any) -> Any:
    """A JSON body, as `kind`. Raises ValidationException."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ValidationException(str(error)) from error
