"""What needs a proof of who is asking, at most 10 minutes old; and what needs a second factor."""

import httpx
import pytest

from app.people.accounts import guards
from tests.api.routes import PROTECTED, Rule
from tests.api.test_authorization import Scene, scene
from tests.api.walk import guarded

__all__ = ["scene"]

# Where payouts go, and who is let in; and each verb of admins that moves money or shuts one out.
STEPPED_UP = {
    ("POST", "/api/host/payout-accounts"),
    ("DELETE", "/api/host/payout-accounts/{account_id}"),
    ("POST", "/api/host/payout-accounts/{account_id}/onboarding"),
    ("POST", "/api/me/2fa"),
    ("POST", "/api/me/2fa/recovery-codes"),
    ("POST", "/api/me/2fa/end"),
    ("POST", "/api/admin/users/{user_id}/disable"),
    ("POST", "/api/admin/users/{user_id}/enable"),
    ("POST", "/api/admin/refunds/{instruction_id}/retry"),
    ("POST", "/api/admin/refunds/{instruction_id}/reissue"),
    ("POST", "/api/admin/transfers/{instruction_id}/retry"),
    ("POST", "/api/admin/transfers/{instruction_id}/reissue"),
    ("POST", "/api/admin/bookings/{booking_id}/refunds"),
    ("POST", "/api/admin/breaker/override"),
    ("POST", "/api/admin/ledger/adjustments"),
    ("POST", "/api/admin/reconciliation/{difference_id}/explain"),
    ("POST", "/api/admin/chargebacks"),
    ("POST", "/api/admin/chargebacks/{chargeback_id}/close"),
    ("POST", "/api/admin/disputes/{dispute_id}/resolve"),
    ("POST", "/api/admin/vouchers"),
    ("POST", "/api/admin/vouchers/{voucher_id}/end"),
}
# What admins may do at any time: nothing of it moves money, or shuts somebody out.
AT_ANY_TIME = {
    ("POST", "/api/admin/refunds/{instruction_id}/look-up"),
    ("POST", "/api/admin/transfers/{instruction_id}/look-up"),
    ("POST", "/api/admin/reconciliation/run"),
    ("POST", "/api/admin/webhooks/{event_id}/replay"),
    ("POST", "/api/admin/webhooks/{event_id}/dismiss"),
    ("POST", "/api/admin/jobs/{job_id}/retry"),
    ("POST", "/api/admin/jobs/{job_id}/cancel"),
    ("POST", "/api/admin/jobs/retry"),
    ("POST", "/api/admin/queues/{name}/pause"),
    ("POST", "/api/admin/queues/{name}/resume"),
    ("POST", "/api/admin/tasks/{name}/pause"),
    ("POST", "/api/admin/tasks/{name}/resume"),
    ("DELETE", "/api/admin/job-locks/{lease_id}"),
    ("POST", "/api/admin/alerts/{alert_id}/acknowledge"),
    ("POST", "/api/admin/alerts/{alert_id}/resolve"),
}


async def test_each_verb_of_admins_is_one_of_the_two() -> None:
    assert await guarded(guards.require_step_up) == STEPPED_UP
    verbs = {
        (method, path)
        for method, path in PROTECTED
        if path.startswith("/api/admin/") and method != "GET"
    }
    assert verbs == {route for route in STEPPED_UP if "/admin/" in route[1]} | AT_ANY_TIME


async def test_a_token_without_a_fresh_proof_directs_nothing(scene: Scene) -> None:
    shop = scene.shop
    scene.people |= {"the host": shop.host, "the admin": shop.admin}
    await shop.values(
        "UPDATE sessions SET proved_at = now() - interval '601 seconds' RETURNING id::text"
    )
    before = await _all_rows(scene)
    for method, path in sorted(STEPPED_UP):
        who = "the admin" if "/admin/" in path else "the host"
        reply = await scene.ask(who, method, path, PROTECTED[method, path])
        assert (reply.status_code, reply.json()["code"]) == (403, "step_up_required"), path
        assert "/api/auth/step-up" in reply.json()["detail"]
    assert await _all_rows(scene) == before
    reply = await scene.ask("the admin", "GET", "/api/admin/alerts", Rule())
    assert reply.status_code == 200, "looking needs no fresh proof"


async def test_a_session_that_never_proved_anything_is_as_one_whose_proof_is_old(
    scene: Scene,
) -> None:
    scene.people["the host"] = scene.shop.host
    await scene.shop.values("UPDATE sessions SET proved_at = NULL RETURNING id::text")
    reply = await scene.ask("the host", "POST", "/api/me/2fa", Rule())
    assert (reply.status_code, reply.json()["code"]) == (403, "step_up_required")


@pytest.mark.parametrize("state", ["none", "not confirmed"])
async def test_an_admin_without_a_second_factor_sees_and_does_nothing(
    scene: Scene, state: str
) -> None:
    scene.people["the admin"] = scene.shop.admin
    gone = "DELETE FROM second_factors RETURNING account_id::text"
    begun = "UPDATE second_factors SET confirmed_at = NULL RETURNING account_id::text"
    await scene.shop.values(gone if state == "none" else begun)
    for (method, path), rule in PROTECTED.items():
        if path.startswith("/api/admin/"):
            reply = await scene.ask("the admin", method, path, rule)
            assert _answer(reply) == (403, "second_factor_required"), f"{method} {path}"
    assert (await scene.ask("the admin", "POST", "/api/me/2fa", Rule())).status_code == 200


def _answer(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["code"]


async def _all_rows(scene: Scene) -> list[list[str]]:
    tables = (
        "payout_accounts",
        "accounts",
        "second_factors",
        "vouchers",
        "audit_log",
        "ledger_entries",
    )
    return [
        await scene.shop.values(f"SELECT t::text FROM {table} AS t ORDER BY 1") for table in tables
    ]
