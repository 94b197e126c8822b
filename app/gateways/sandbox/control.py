"""What tests and people use to look inside, to act as the guest, and to make things go wrong."""

from typing import Any

import msgspec
from litestar import Request, Router, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException, ValidationException
from litestar.params import FromPath

from app.gateways.sandbox.books import Delivery, Transaction
from app.gateways.sandbox.faults import POSSIBLE, Rule
from app.gateways.sandbox.simulator import Simulator


class _Replay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reference: str | None = None


@get("/charges")
async def charges(simulator: NamedDependency[Simulator]) -> list[Transaction]:
    return simulator.books.transactions()


@post("/charges/{reference:str}/pay", status_code=200)
async def pay(reference: FromPath[str], simulator: NamedDependency[Simulator]) -> Transaction:
    """What the page's Pay does."""
    simulator.pay(reference)
    return _charge(simulator, reference)


@post("/charges/{reference:str}/decline", status_code=200)
async def decline(reference: FromPath[str], simulator: NamedDependency[Simulator]) -> Transaction:
    """What the page's Decline does."""
    simulator.decline(reference)
    return _charge(simulator, reference)


@get("/deliveries")
async def deliveries(simulator: NamedDependency[Simulator]) -> list[Delivery]:
    return simulator.books.deliveries()


@post("/deliveries/replay", status_code=200)
async def replay(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> list[Delivery]:
    """Deliver again: everything, or what is about `{"reference": …}`."""
    body = await request.body() or b"{}"
    again = simulator.books.replay(_read(body, _Replay).reference)
    simulator.mail.wake()
    return again


@get("/faults")
async def faults(simulator: NamedDependency[Simulator]) -> list[Rule]:
    """The rules that are not used up."""
    return simulator.faults.rules


@put("/faults")
async def set_faults(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> list[Rule]:
    """Replace all rules with `[{"operation", "kind", "times", "delayMs"}]`; `[]` ends them."""
    rules = _read(await request.body(), list[Rule])
    for rule in rules:
        if not rule.is_possible:
            possible = ", ".join(sorted(POSSIBLE[rule.operation]))
            raise ValidationException(f"{rule.operation} can only go wrong by: {possible}")
    simulator.faults.rules = rules
    return rules


router = Router(
    "/sandbox",
    route_handlers=[charges, pay, decline, deliveries, replay, faults, set_faults],
)


def _charge(simulator: Simulator, reference: str) -> Transaction:
    transaction = simulator.books.transaction(reference)
    if transaction is None:
        raise NotFoundException(f"There is no charge {reference}.")
    return transaction


def _read(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ValidationException(str(error)) from error
