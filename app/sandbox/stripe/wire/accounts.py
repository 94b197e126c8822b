"""Connected accounts on the wire."""

from typing import Any, Final

import msgspec

from app.sandbox.books.accounts import ConnectedAccount, Standing
from app.sandbox.stripe.wire.times import unix

_ASKED: Final = ["external_account", "individual.first_name", "tos_acceptance.date"]
_DOCUMENT: Final = ["individual.verification.document"]
_ILLEGIBLE: Final = {
    "code": "verification_document_not_readable",
    "reason": "The document could not be read.",
    "requirement": _DOCUMENT[0],
}
_CAPABILITIES: Final = {Standing.READY: "active", Standing.CHECKED: "pending"}
_DISABLED: Final = {
    Standing.OPENED: "requirements.past_due",
    Standing.CHECKED: "requirements.pending_verification",
    Standing.RESTRICTED: "requirements.past_due",
}


def account(of: ConnectedAccount) -> dict[str, Any]:
    ready = of.standing is Standing.READY
    return {
        "id": of.code,
        "object": "account",
        "business_profile": {"name": of.name},
        "capabilities": {"transfers": _transfers(of)},
        "charges_enabled": False,
        "country": of.country,
        "created": unix(of.created_at),
        "default_currency": "usd",
        "details_submitted": of.standing is not Standing.OPENED,
        "email": of.email or None,
        "metadata": msgspec.json.decode(of.metadata),
        "payouts_enabled": ready,
        "requirements": _requirements(of.standing),
        "type": "express",
    }


def capability(of: ConnectedAccount) -> dict[str, Any]:
    return {
        "id": "transfers",
        "object": "capability",
        "account": of.code,
        "requested": True,
        "requirements": _requirements(of.standing),
        "status": _transfers(of),
    }


def application() -> dict[str, Any]:
    """The application whose access an owner has revoked: ours."""
    return {"id": "ca_sandbox", "object": "application", "name": "The platform"}


def link(url: str, *, created: int, expires_at: int) -> dict[str, Any]:
    return {"object": "account_link", "created": created, "expires_at": expires_at, "url": url}


def _transfers(of: ConnectedAccount) -> str:
    return _CAPABILITIES.get(of.standing, "inactive")


def _requirements(standing: Standing) -> dict[str, Any]:
    due = {Standing.OPENED: _ASKED, Standing.RESTRICTED: _DOCUMENT}.get(standing, [])
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": due,
        "disabled_reason": _DISABLED.get(standing),
        "errors": [_ILLEGIBLE] if standing is Standing.RESTRICTED else [],
        "eventually_due": due,
        "past_due": due,
        "pending_verification": _DOCUMENT if standing is Standing.CHECKED else [],
    }
