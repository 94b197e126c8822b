"""Sending over HTTP: what admins see of refunds and transfers, and do about them.

Refunds and transfers have the same routes; the address says which of the two is meant.
"""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from app.flows.sending import actions, stories
from app.flows.sending.model import (
    InstructionStory,
    LateRefundReply,
    NewLateRefund,
)
from app.foundation import web
from app.foundation.db import Tx, transaction
from app.foundation.web import PageCursor, PageSize
from app.foundation.wire import ReasonBody
from app.money.instructions.model import (
    InstructionFilter,
    InstructionKind,
    InstructionPage,
    InstructionState,
)
from app.people.accounts.guards import AuthenticatedRequest, require_admin, require_step_up

StateFilter = Annotated[InstructionState | None, QueryParameter(name="state")]
BookingFilter = Annotated[UUID | None, QueryParameter(name="bookingId")]
PayeeFilter = Annotated[UUID | None, QueryParameter(name="payeeId")]

_REFUNDS, _TRANSFERS = "/api/admin/refunds", "/api/admin/transfers"


def _both(path: str = "") -> list[str]:
    return [f"{_REFUNDS}{path}", f"{_TRANSFERS}{path}"]


def _kind(request: AuthenticatedRequest) -> InstructionKind:
    is_refund = request.url.path.startswith(_REFUNDS)
    return InstructionKind.REFUND if is_refund else InstructionKind.TRANSFER


@get(
    _both(),
    guards=[require_admin],
    tags=["money out"],
    summary="Refunds to guests, or transfers to hosts, newest first",
)
async def list_instructions(
    request: AuthenticatedRequest,
    *,
    instruction_state: StateFilter = None,
    booking_id: BookingFilter = None,
    payee_id: PayeeFilter = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> InstructionPage:
    wanted = InstructionFilter(
        kind=_kind(request), state=instruction_state, booking_id=booking_id, payee_id=payee_id
    )
    async with transaction() as tx:
        return await actions.read_page(tx, wanted, limit=limit, cursor=cursor)


@get(
    _both("/{instruction_id:uuid}"),
    guards=[require_admin],
    tags=["money out"],
    summary="One refund or transfer, with each of its moves",
)
async def get_instruction(
    request: AuthenticatedRequest, instruction_id: FromPath[UUID]
) -> InstructionStory:
    async with transaction() as tx:
        return await actions.read_story(tx, instruction_id, kind=_kind(request))


@post(
    _both("/{instruction_id:uuid}/retry"),
    status_code=200,
    guards=[require_admin, require_step_up],
    tags=["money out"],
    summary="Try again what has failed",
)
async def retry(
    request: AuthenticatedRequest, instruction_id: FromPath[UUID], data: JSONBody[ReasonBody]
) -> InstructionStory:
    kind = _kind(request)
    async with transaction() as tx:
        await actions.retry(
            tx, instruction_id, kind=kind, admin_id=request.user.id, reason=data.reason
        )
        return await actions.read_story(tx, instruction_id, kind=kind)


@post(
    _both("/{instruction_id:uuid}/reissue"),
    guards=[require_admin, require_step_up],
    tags=["money out"],
    summary="Send again, once, what had gone out and came back",
)
async def reissue(
    request: AuthenticatedRequest, instruction_id: FromPath[UUID], data: JSONBody[ReasonBody]
) -> Response[InstructionStory]:
    key, kind = await web.require_idempotency_key(request), _kind(request)

    async def send_again(tx: Tx) -> InstructionStory:
        again_id = await actions.reissue(
            tx, instruction_id, kind=kind, admin_id=request.user.id, reason=data.reason
        )
        return await actions.read_story(tx, again_id, kind=kind)

    return await web.created_once(key, send_again)


@post(
    _both("/{instruction_id:uuid}/look-up"),
    status_code=200,
    guards=[require_admin],
    tags=["money out"],
    summary="Ask the gateway now what became of it",
)
async def look_up(
    request: AuthenticatedRequest, instruction_id: FromPath[UUID]
) -> InstructionStory:
    kind = _kind(request)
    async with transaction() as tx:
        await actions.begin_look_up(tx, instruction_id, kind=kind, admin_id=request.user.id)
    await stories.look_up(instruction_id)
    async with transaction() as tx:
        return await actions.read_story(tx, instruction_id, kind=kind)


@post(
    "/api/admin/bookings/{booking_id:uuid}/refunds",
    guards=[require_admin, require_step_up],
    tags=["money out"],
    summary="Give back money that has been paid out, at the cost of the host or the platform",
)
async def refund_past_payout(
    request: AuthenticatedRequest, booking_id: FromPath[UUID], data: JSONBody[NewLateRefund]
) -> Response[LateRefundReply]:
    key = await web.require_idempotency_key(request)
    return await web.created_once(
        key, lambda tx: actions.refund_past_payout(tx, booking_id, data, admin_id=request.user.id)
    )


routes: list[HTTPRouteHandler] = [
    list_instructions,
    get_instruction,
    retry,
    reissue,
    look_up,
    refund_past_payout,
]
