"""The page on which people act as guests and banks, and inject faults."""

from functools import partial
from typing import Annotated, Any, Final

import msgspec
from litestar import MediaType, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import ValidationException
from litestar.params import Body, FromPath
from litestar.response import Redirect

from app.sandbox.bank import NotPossible, Verb
from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.books.transfers import Transfer
from app.sandbox.checkout import HEADERS, PAGES
from app.sandbox.faults import POSSIBLE, Kind, Mix, Operation, Rule
from app.sandbox.issuer import Issuer, Outcome
from app.sandbox.simulator import Simulator

_SHOWN_MAX: Final = 20
_SEE_OTHER: Final = 303
_VERBS: Final = ("succeed", "fail", "reverse")
_Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


def _shown(simulator: Simulator, of: Transaction | Refund | Chargeback | Transfer) -> str:
    return simulator.dialects[of.gateway].shown_amount(of.amount, of.currency)


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
        deliveries=books.deliveries.all()[: -_SHOWN_MAX - 1 : -1],
        shown=partial(_shown, simulator),
        verbs=_VERBS,
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
    simulator.faults.start_mix(_read({name: value for name, value in data.items() if value}, Mix))
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
            simulator.bank.end_transfer(transfer, _read(verb, Verb))
        elif what == "charges" and (charge := books.transactions.find(key)):
            {
                "pay": simulator.cashier.pay,
                "decline": simulator.cashier.decline,
                "charge back": simulator.issuer.charge_back,
            }[verb](charge)
        elif what == "chargebacks" and (chargeback := books.chargebacks.find(key)):
            _act_on(simulator.issuer, chargeback, verb)
        elif (what, verb) == ("deliveries", "replay"):
            books.deliveries.replay(key)
            simulator.webhooks.wake()
        else:
            raise ValidationException(f"There is no {what} {key}.")
    except (NotPossible, KeyError) as error:
        raise ValidationException(str(error)) from error
    return _back()


router = Router("/desk", route_handlers=[show, add_fault, clear_faults, stir, act])


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
