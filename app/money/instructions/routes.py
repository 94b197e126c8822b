"""The refund gate over HTTP, for admins. Its addresses say `breaker`."""

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from app.foundation.db import transaction
from app.money.instructions.actions import refund_gate
from app.money.instructions.model import RefundGateOverride, RefundGateReply
from app.people.accounts.guards import AuthenticatedRequest, require_admin, require_step_up


@get(
    "/api/admin/breaker",
    guards=[require_admin],
    tags=["money out"],
    summary="Which automatic refunds wait because there are so many, or because they are so large",
)
async def read_refund_gate() -> RefundGateReply:
    async with transaction() as tx:
        return await refund_gate.read(tx)


@post(
    "/api/admin/breaker/override",
    status_code=200,
    guards=[require_admin, require_step_up],
    tags=["money out"],
    summary="Send automatic refunds that wait, all or some, at once",
)
async def override_refund_gate(
    request: AuthenticatedRequest, data: JSONBody[RefundGateOverride]
) -> RefundGateReply:
    async with transaction() as tx:
        return await refund_gate.override(tx, data, admin_id=request.user.id)


routes: list[HTTPRouteHandler] = [read_refund_gate, override_refund_gate]
