"""The hosted page on which payees answer a gateway's questions."""

from typing import Final

from litestar import MediaType, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException, ValidationException
from litestar.params import FromPath
from litestar.response import Redirect

from app.sandbox.books.accounts import Link, Standing
from app.sandbox.checkout import HEADERS, PAGES
from app.sandbox.simulator import Simulator

_SEE_OTHER: Final = 303
# What a payee may do on the page, and what the account then is; leaving changes nothing.
_ENDS: Final = {
    "finish": Standing.READY,
    "wait": Standing.CHECKED,
    "fail": Standing.RESTRICTED,
    "leave": None,
}


@get("/{token:str}", media_type=MediaType.HTML)
async def show(
    token: FromPath[str], simulator: NamedDependency[Simulator]
) -> Response[str] | Redirect:
    """The questions, for one visit in time; later visits are sent to get another link."""
    link = _link(simulator, token)
    if not link.is_open:
        return _to(link.refresh_url)
    simulator.books.accounts.use(link)
    account = simulator.books.accounts.find(link.code)
    page = PAGES.get_template("onboarding.html").render(account=account, token=token)
    return Response(page, headers=HEADERS)


@post("/{token:str}/{end:str}")
async def answer(
    token: FromPath[str], end: FromPath[str], simulator: NamedDependency[Simulator]
) -> Redirect:
    """Store what the payee chose, and go back to the return URL of the link."""
    link = _link(simulator, token)
    if end not in _ENDS or not link.is_used:
        raise ValidationException("That cannot be done here.")
    if standing := _ENDS[end]:
        simulator.judge(link.code, standing)
    return _to(link.return_url)


router = Router("/onboarding", route_handlers=[show, answer])


def _link(simulator: Simulator, token: str) -> Link:
    if link := simulator.books.accounts.find_link(token):
        return link
    raise NotFoundException("There is no such link.")


def _to(url: str) -> Redirect:
    return Redirect(url, status_code=_SEE_OTHER, headers=HEADERS)
