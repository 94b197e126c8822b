"""The hosted checkout page: where a guest pays, is declined, or leaves."""

from pathlib import Path
from typing import Final

import jinja2
from litestar import MediaType, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from app.sandbox.books.transactions import Transaction
from app.sandbox.simulator import Simulator

_SEE_OTHER: Final = 303
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)


@get("/{access_code:str}", media_type=MediaType.HTML)
async def show(access_code: FromPath[str], simulator: NamedDependency[Simulator]) -> Response[str]:
    transaction = _transaction(simulator, access_code)
    page = PAGES.get_template("checkout.html").render(
        transaction=transaction,
        access_code=access_code,
        is_open=simulator.cashier.is_open(transaction),
        amount=simulator.dialects[transaction.gateway].shown_amount(
            transaction.amount, transaction.currency
        ),
        return_url=_return_url(simulator, transaction),
    )
    return Response(page, headers=HEADERS)


@post("/{access_code:str}/pay")
async def pay(access_code: FromPath[str], simulator: NamedDependency[Simulator]) -> Redirect:
    transaction = _transaction(simulator, access_code)
    simulator.cashier.pay(transaction)
    return _to(_return_url(simulator, transaction) or f"/checkout/{access_code}")


@post("/{access_code:str}/decline")
async def decline(access_code: FromPath[str], simulator: NamedDependency[Simulator]) -> Redirect:
    transaction = _transaction(simulator, access_code)
    simulator.cashier.decline(transaction)
    return _to(f"/checkout/{access_code}")  # the guest may try another card


@post("/{access_code:str}/cancel")
async def cancel(access_code: FromPath[str], simulator: NamedDependency[Simulator]) -> Redirect:
    """Leave without paying, to the address that the merchant has given for it."""
    transaction = _transaction(simulator, access_code)
    url = simulator.dialects[transaction.gateway].cancel_url(transaction)
    return _to(url or f"/checkout/{access_code}")


router = Router("/checkout", route_handlers=[show, pay, decline, cancel])


def _transaction(simulator: Simulator, access_code: str) -> Transaction:
    """The attempt that counts of those on this page: the one that was paid, else the last."""
    transaction = simulator.books.transactions.find_by_access_code(access_code)
    if transaction is None:
        raise NotFoundException("There is no such checkout.")
    attempts = simulator.books.transactions.attempts(transaction)
    return next((each for each in attempts if each.paid_at), attempts[0])


def _to(url: str) -> Redirect:
    return Redirect(url, status_code=_SEE_OTHER, headers=HEADERS)


def _return_url(simulator: Simulator, transaction: Transaction) -> str:
    return simulator.dialects[transaction.gateway].return_url(transaction)
