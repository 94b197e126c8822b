"""The page on which people act as guests and banks, and inject faults."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import MediaType, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import ValidationException
from litestar.params import Body, FromPath
from litestar.response import Redirect

from app.sandbox import acts
from app.sandbox.bank import NotPossible, Verb
from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.books.payouts import Payout
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.books.transfers import Transfer
from app.sandbox.checkout import HEADERS, PAGES
from app.sandbox.faults import POSSIBLE, UNKIND, Kind, Mix, Operation, Rule
from app.sandbox.issuer import Issuer, Outcome
from app.sandbox.mischief import misbehave
from app.sandbox.simulator import Simulator
from app.sandbox.terms import Settling, Terms

_SHOWN_MAX: Final = 20
_SEE_OTHER: Final = 303
_DEEDS_MAX: Final = 1_000
_VERBS: Final = {
    "refunds": ("succeed", "fail", "reverse"),
    "chargebacks": ("answer", "remind", "won", "lost"),
    "transfers": ("succeed", "fail", "reverse", "take half back"),
    "payouts": ("paid", "failed"),
}
_Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


def _shown(simulator: Simulator, of: Transaction | Refund | Chargeback | Transfer | Payout) -> str:
    return simulator.dialects[of.gateway].shown_amount(of.amount, of.currency)


def _verbs(simulator: Simulator, what: str, of: Any) -> Sequence[str]:
    """What can be done with a row; of a charge only what its state allows."""
    if what != "charges":
        return _VERBS[what]
    if of.paid_at is None:
        return ("pay", "decline")
    more = ("pay again", "decline again") if simulator.dialects[of.gateway].takes_several else ()
    return (
        *(() if of.settled_at else ("settle",)), "refund", "refund half", "charge back", *more
    )  # fmt: skip


@get("/", media_type=MediaType.HTML)
async def show(simulator: NamedDependency[Simulator]) -> Response[str]:
    books = simulator.books
    page = PAGES.get_template("desk.html").render(
        accounts=books.sum_up(),
        rules=simulator.faults.rules,
        mix=simulator.faults.mix,
        possible={str(operation): sorted(kinds) for operation, kinds in POSSIBLE.items()},
        kinds=sorted(Kind),
        charges=books.transactions.all()[: -_SHOWN_MAX - 1 : -1],
        refunds=books.refunds.all()[: -_SHOWN_MAX - 1 : -1],
        chargebacks=books.chargebacks.all()[: -_SHOWN_MAX - 1 : -1],
        transfers=books.transfers.all()[: -_SHOWN_MAX - 1 : -1],
        payouts=books.payouts.all()[: -_SHOWN_MAX - 1 : -1],
        gateways=sorted(simulator.dialects),
        terms=simulator.cashier.terms,
        deliveries=books.deliveries.all()[: -_SHOWN_MAX - 1 : -1],
        shown=partial(_shown, simulator),
        verbs=partial(_verbs, simulator),
    )
    return Response(page, headers=HEADERS)


@post("/faults")
async def add_fault(data: _Form, simulator: NamedDependency[Simulator]) -> Redirect:
    rule = Rule(
        operation=_read(data.get("operation"), Operation),
        kind=_read(data.get("kind"), Kind),
        times=_read(data.get("times") or 1, int),
        delay_ms=_read(data.get("delayMs") or 0, int),
    )
    if not rule.is_possible:
        possible = ", ".join(sorted(POSSIBLE[rule.operation]))
        raise ValidationException(f"{rule.operation} can only fail by: {possible}")
    simulator.faults.rules.append(_read(msgspec.to_builtins(rule), Rule))
    return _back()


@post("/faults/clear")
async def clear_faults(simulator: NamedDependency[Simulator]) -> Redirect:
    simulator.faults.rules = []
    simulator.faults.start_mix(None)
    return _back()


@post("/mix")
async def stir(data: _Form, simulator: NamedDependency[Simulator]) -> Redirect:
    given: dict[str, Any] = {name: value for name, value in data.items() if value}
    if given.pop("unkind", None):
        given["kinds"] = sorted(UNKIND)
    simulator.faults.start_mix(_read(given, Mix))
    return _back()


@post("/dashboard/{what:str}")
async def act_at_dashboard(
    what: FromPath[str], data: _Form, simulator: NamedDependency[Simulator]
) -> Redirect:
    """Do what a form asks for; an amount is a wire amount."""
    given = {name: value for name, value in data.items() if value}
    acts.perform(simulator, _read(given, acts.kind_of(what)))
    return _back()


@post("/misbehave")
async def do_mischief(data: _Form, simulator: NamedDependency[Simulator]) -> Redirect:
    seed, times = (_read(data.get(name) or 1, int) for name in ("seed", "times"))
    misbehave(simulator, Random(seed), min(times, _DEEDS_MAX))  # noqa: S311
    return _back()


@post("/terms")
async def agree(data: _Form, simulator: NamedDependency[Simulator]) -> Redirect:
    """Let one currency be settled in another; without a rate, as it is."""
    gateway = _read(data.get("gateway"), Literal["flutterwave", "paystack", "stripe"])
    settles_in = dict(simulator.cashier.terms[gateway].settles_in)
    settles_in.pop(data.get("from", ""), None)
    if data.get("rate"):
        settling = {"currency": data.get("into"), "rate": data["rate"]}
        settles_in[data.get("from", "")] = _read(settling, Settling)
    late = data.get("lateSeconds")
    simulator.cashier.terms[gateway] = _read(
        {"settlesIn": msgspec.to_builtins(settles_in), "lateSeconds": float(late or 0)}, Terms
    )
    return _back()


@post("/{what:str}/{key:str}/{verb:str}")
async def act(
    what: FromPath[str],
    key: FromPath[str],
    verb: FromPath[str],
    simulator: NamedDependency[Simulator],
) -> Redirect:
    """Act as a guest, a bank or the sender of webhooks on something that the page shows."""
    books = simulator.books
    try:
        if what == "refunds" and (refund := books.refunds.find(key)):
            simulator.bank.end_refund(refund, _read(verb, Verb))
        elif what == "transfers" and (transfer := books.transfers.find(key)):
            _act_on_transfer(simulator, transfer, verb)
        elif what == "charges" and (charge := books.transactions.find_by_id(key)):
            _act_on_charge(simulator, charge, verb)
        elif what == "chargebacks" and (chargeback := books.chargebacks.find(key)):
            _act_on(simulator.issuer, chargeback, verb)
        elif what == "payouts" and (payout := books.payouts.find(key)):
            simulator.bank.end_payout(payout, verb)
        elif (what, verb) == ("deliveries", "replay"):
            books.deliveries.replay(key)
            simulator.webhooks.wake()
        else:
            raise ValidationException(f"There is no {what} {key}.")
    except (NotPossible, KeyError) as error:
        raise ValidationException(str(error)) from error
    return _back()


router = Router(
    "/desk",
    route_handlers=[show, add_fault, clear_faults, stir, act_at_dashboard, do_mischief, agree, act],
)


def _act_on_charge(simulator: Simulator, charge: Transaction, verb: str) -> None:
    cashier, dashboard = simulator.cashier, simulator.dashboard
    half = simulator.books.refunds.left_of(charge) // 200 * 100
    verbs: dict[str, Callable[[], object]] = {
        "pay": lambda: cashier.pay(charge),
        "decline": lambda: cashier.decline(charge),
        "charge back": lambda: simulator.issuer.charge_back(charge),
        "refund": lambda: dashboard.refund(charge),
        "refund half": lambda: dashboard.refund(charge, amount=half),
        "pay again": lambda: cashier.pay_again(charge),
        "decline again": lambda: cashier.decline_again(charge),
        "settle": lambda: cashier.settle(charge),
    }
    verbs[verb]()


def _act_on_transfer(simulator: Simulator, transfer: Transfer, verb: str) -> None:
    if verb != "take half back":
        simulator.bank.end_transfer(transfer, _read(verb, Verb))
        return
    half = (transfer.amount - transfer.amount_reversed) // 200 * 100
    simulator.dashboard.take_back(transfer, amount=half)


def _act_on(issuer: Issuer, chargeback: Chargeback, verb: str) -> None:
    match verb:
        case "answer":
            issuer.answer(chargeback)
        case "remind":
            issuer.remind(chargeback)
        case _:
            issuer.close(chargeback, _read(verb, Outcome))


def _read(given: object, kind: Any) -> Any:
    """A value that was entered in a form, as `kind`."""
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValidationException(str(error)) from error


def _back() -> Redirect:
    return Redirect("/desk", status_code=_SEE_OTHER, headers=HEADERS)
