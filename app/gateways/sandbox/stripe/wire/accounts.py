"""Connected accounts on the wire."""

from typing import Any, Final

import msgspec

from app.gateways.sandbox.books.accounts import Account
from app.gateways.sandbox.stripe.wire.objects import unix

_ASKED: Final = ("external_account", "tos_acceptance.date")
_PAST_DUE: Final = ("individual.verification.document",)


def account(of: Account) -> dict[str, Any]:
    ready, submitted = bool(of.is_ready), bool(of.is_submitted)
    due = [] if ready else list(_PAST_DUE if submitted else _ASKED)
    return {
        "id": of.code,
        "object": "account",
        "capabilities": {"transfers": "active" if ready else "inactive"},
        "charges_enabled": False,
        "country": of.country,
        "created": unix(of.created_at),
        "default_currency": "usd",
        "details_submitted": submitted,
        "email": of.email,
        "metadata": msgspec.json.decode(of.metadata),
        "payouts_enabled": ready,
        "requirements": {
            "alternatives": [],
            "current_deadline": None,
            "currently_due": due,
            "disabled_reason": "requirements.past_due" if due else None,
            "errors": [],
            "eventually_due": due,
            "past_due": due if submitted else [],
            "pending_verification": [],
        },
        "type": "express",
    }


def link(url: str, *, created: int, expires_at: int) -> dict[str, Any]:
    return {"object": "account_link", "created": created, "expires_at": expires_at, "url": url}
