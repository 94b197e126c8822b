"""The pages behind the links of mails: GET shows, and only POST acts."""

from typing import Annotated, Any, Final

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from app.foundation.errors import Invalid, Problem
from app.foundation.limited import by_address
from app.foundation.limits import COME_BACK, RESET
from app.pages.links import rules, stories
from app.pages.links.model import Shown
from app.people.accounts.model import EmailTaken, SessionOver
from app.people.accounts.routes.cookies import client_of
from app.people.mail_links.model import LinkOver, NoSuchLink, Purpose

AnyRequest = Request[Any, Any, State]
Token = Annotated[str, QueryParameter(max_length=200)]

_OVER: Final = (NoSuchLink, LinkOver, EmailTaken, SessionOver)


@get(
    "/links/{purpose:str}",
    media_type=MediaType.HTML,
    exclude_from_auth=True,
    include_in_schema=False,
    guards=[by_address(COME_BACK)],
)
async def show(request: AnyRequest, purpose: FromPath[str], token: Token = "") -> Response[str]:
    language = _language(request)
    try:
        shown = await stories.show(_purpose(purpose), token, language=language)
    except _OVER as problem:
        return _over(language, problem)
    return _html(rules.page(shown))


@post(
    "/links/{purpose:str}",
    media_type=MediaType.HTML,
    exclude_from_auth=True,
    include_in_schema=False,
    guards=[by_address(RESET)],
)
async def act(request: AnyRequest, purpose: FromPath[str]) -> Response[str]:
    """Do what the link is for. The token in the form is the proof: no cookie is looked at."""
    form = await request.form()
    token, answer = str(form.get("token", "")), str(form.get("answer", "yes"))
    language = _language(request)
    try:
        wanted = _purpose(purpose)
        shown = await stories.show(wanted, token, language=language)
        if wanted is Purpose.RESET:
            return await _reset(request, shown, str(form.get("password", "")))
        await stories.act(wanted, token, yes=answer != "no")
    except _OVER as problem:
        return _over(language, problem)
    return _html(rules.done(shown.language, wanted, refused=answer == "no"))


routes: Final[list[HTTPRouteHandler]] = [show, act]


async def _reset(request: AnyRequest, shown: Shown, password: str) -> Response[str]:
    """Set the new password, or ask for another one."""
    try:
        await stories.reset(shown.token, password, client=client_of(request))
    except Invalid as problem:
        again = msgspec.structs.replace(shown, is_password_bad=True)
        return _html(rules.page(again), status=problem.status)
    return _html(rules.done(shown.language, shown.purpose))


def _purpose(path: str) -> Purpose:
    """Raises NoSuchLink."""
    if (purpose := rules.purpose_of(path)) is None:
        raise NoSuchLink(f"There are no links of the kind {path}.")
    return purpose


def _language(request: AnyRequest) -> str:
    return rules.language(request.headers.get("accept-language", ""))


def _over(language: str, problem: Problem) -> Response[str]:
    status = problem.status if problem.status in (404, 409) else 409
    return _html(rules.over(language), status=status)


def _html(page: str, *, status: int = 200) -> Response[str]:
    return Response(page, status_code=status, media_type=MediaType.HTML, headers=rules.HEADERS)
