"""Every route of the application: who may use it, and what the others are answered."""

from typing import Any, Final, NamedTuple

NOBODY: Final = "nobody"
STRANGER: Final = "another guest"
OTHER_HOST: Final = "a host who owns nothing here"
GUEST: Final = "the guest of the booking"


class Rule(NamedTuple):
    """A protected route: a sound request to it, and what people get who may not make it."""

    body: Any = None
    query: dict[str, str] = {}  # noqa: RUF012  never changed
    stranger: int | None = None  # None: any account may ask, and sees only what is its own
    other_host: int | None = None
    guest: int | None = None  # who takes part, but on the other side


HOST_ONLY: Final = 403  # the role is missing
NOT_YOURS: Final = 404  # the answer does not even show that it exists
A_LISTING: Final = {
    "kind": "stay", "title": "A", "place": "B", "zone": "UTC", "policy": "strict",
    "price": {"amount": 10_000, "currency": "NGN"}, "checkInTime": "15:00:00",
    "checkOutTime": "11:00:00",
}  # fmt: skip
A_RANGE: Final = {"firstSlot": "2030-01-01", "lastSlot": "2030-01-02"}
NO_FACTOR: Final = Rule(stranger=409, other_host=409, guest=409)
ADMIN_ONLY: Final = Rule(stranger=403, other_host=403, guest=403)
AN_ACCOUNT: Final = {
    "holder": "A", "kind": "bank_account", "accountNumber": "0123456789", "bankCode": "058",
    "currency": "NGN",
}  # fmt: skip
AN_ADJUSTMENT: Final = {
    "reason": "A",
    "entries": [
        {"kind": "platform_revenue", "amount": {"amount": -1, "currency": "NGN"}},
        {"kind": "chargeback_losses", "amount": {"amount": 1, "currency": "NGN"}},
    ],
}
A_LATE_REFUND: Final = {
    "amount": {"amount": 1, "currency": "NGN"}, "reason": "A", "atWhoseCost": "host",
}  # fmt: skip
A_CHARGEBACK: Final = {
    "paymentId": "{payment_id}", "gatewayId": "A", "amount": {"amount": 1, "currency": "NGN"},
    "reason": "A",
}  # fmt: skip
A_CLAIM: Final = {"claimed": {"amount": 1, "currency": "NGN"}}
A_VOUCHER: Final = {
    "code": "A-1",
    "name": "A",
    "percentBps": 1_000,
    "endsAt": "2100-01-01T00:00:00Z",
}
A_PRICE: Final = {"price": {"amount": 10_000, "currency": "NGN"}}

PUBLIC: Final = {
    ("POST", "/api/auth/register"),
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/auth/logout"),
    ("POST", "/api/auth/password/forgot"),
    ("POST", "/api/auth/password/reset"),
    ("GET", "/links/{purpose}"),  # a token in the mail is their log-in: see tests/pages
    ("POST", "/links/{purpose}"),
    ("GET", "/api/listings"),
    ("GET", "/api/listings/{listing_id}"),
    ("GET", "/api/listings/{listing_id}/units"),
    ("GET", "/api/listings/{listing_id}/availability"),
    ("GET", "/api/bookings/reserve"),
    ("GET", "/api/payments/return"),
    ("GET", "/api/host/payout-accounts/onboarding"),  # see tests/money/payees
    ("GET", "/api/host/payout-accounts/return"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("POST", "/api/webhooks/{name}"),  # its signature is its login
    ("POST", "/api/jobs/{name}"),  # so is the job secret: see tests/operations/jobs
    ("GET", "/api/jobs/health"),
    ("GET", "/schema"),
    ("GET", "/schema/openapi.json"),
    ("GET", "/schema/oauth2-redirect.html"),
    ("GET", "/schema/{path}"),
    ("GET", "/schema-assets/{file_path}"),
    ("HEAD", "/schema-assets/{file_path}"),
}

PROTECTED: Final = {
    ("GET", "/api/me"): Rule(),
    ("PATCH", "/api/me"): Rule({"name": "A"}),
    ("GET", "/api/me/sessions"): Rule(),
    ("POST", "/api/me/email"): Rule({"email": "new@example.com"}),
    ("POST", "/api/me/email/verification"): Rule(stranger=409, other_host=409, guest=409),
    ("POST", "/api/me/password"): Rule({"password": "staple battery correct"}),
    ("POST", "/api/auth/step-up"): Rule({"password": "x"}, stranger=403, other_host=403, guest=403),
    ("POST", "/api/me/2fa/confirm"): NO_FACTOR._replace(body={"code": "123456"}),
    ("POST", "/api/me/2fa/recovery-codes"): NO_FACTOR,
    ("POST", "/api/me/2fa/end"): NO_FACTOR,
    ("POST", "/api/me/2fa"): Rule(),
    ("GET", "/api/admin/users"): ADMIN_ONLY,
    ("POST", "/api/admin/users/{user_id}/disable"): ADMIN_ONLY._replace(body={"reason": "A"}),
    ("POST", "/api/admin/users/{user_id}/enable"): ADMIN_ONLY._replace(body={"reason": "A"}),
    ("DELETE", "/api/me/sessions/{session_id}"): Rule(
        stranger=NOT_YOURS, other_host=NOT_YOURS, guest=NOT_YOURS
    ),
    ("POST", "/api/bookings/reserve"): Rule({"tripId": "{trip_id}", "seatNumbers": ["2D"]}),
    ("GET", "/api/bookings"): Rule(),
    ("GET", "/api/host/bookings"): Rule(stranger=HOST_ONLY, guest=HOST_ONLY),
    ("GET", "/api/bookings/{booking_id}"): Rule(stranger=NOT_YOURS, other_host=NOT_YOURS),
    ("GET", "/api/bookings/{booking_id}/history"): Rule(stranger=NOT_YOURS, other_host=NOT_YOURS),
    ("GET", "/api/bookings/{booking_id}/passengers"): Rule(
        stranger=NOT_YOURS, other_host=NOT_YOURS
    ),
    ("PUT", "/api/bookings/{booking_id}/passengers"): Rule(
        {"passengers": []}, stranger=NOT_YOURS, other_host=NOT_YOURS
    ),
    ("GET", "/api/bookings/{booking_id}/escrow"): Rule(stranger=NOT_YOURS, other_host=NOT_YOURS),
    ("GET", "/api/bookings/{booking_id}/escrow-events"): Rule(
        stranger=NOT_YOURS, other_host=NOT_YOURS
    ),
    ("GET", "/api/bookings/{booking_id}/cancellation"): Rule(
        stranger=NOT_YOURS, other_host=NOT_YOURS
    ),
    ("GET", "/api/bookings/{booking_id}/give-back"): Rule(stranger=NOT_YOURS, other_host=NOT_YOURS),
    ("POST", "/api/bookings/{booking_id}/give-back"): Rule(
        {"all": True}, stranger=NOT_YOURS, other_host=NOT_YOURS
    ),
    ("POST", "/api/bookings/{booking_id}/cancel"): Rule(
        {}, stranger=NOT_YOURS, other_host=NOT_YOURS
    ),
    ("POST", "/api/bookings/{booking_id}/accept"): Rule(
        {}, stranger=HOST_ONLY, other_host=NOT_YOURS, guest=HOST_ONLY
    ),
    ("POST", "/api/bookings/{booking_id}/decline"): Rule(
        {}, stranger=HOST_ONLY, other_host=NOT_YOURS, guest=HOST_ONLY
    ),
    ("POST", "/api/bookings/{booking_id}/disputes"): Rule(
        {"reason": "A"}, stranger=NOT_YOURS, other_host=NOT_YOURS
    ),
    ("GET", "/api/bookings/{booking_id}/disputes"): Rule(stranger=NOT_YOURS, other_host=NOT_YOURS),
    ("POST", "/api/bookings/{booking_id}/damage-claims"): Rule(
        {"reason": "A"} | A_CLAIM, stranger=HOST_ONLY, other_host=NOT_YOURS, guest=HOST_ONLY
    ),
    ("POST", "/api/bookings/{booking_id}/disputes/{dispute_id}/evidence"): Rule(
        {"text": "A"}, stranger=NOT_YOURS, other_host=NOT_YOURS
    ),
    ("POST", "/api/bookings/{booking_id}/disputes/{dispute_id}/withdraw"): Rule(
        {}, stranger=NOT_YOURS, other_host=NOT_YOURS
    ),
    ("GET", "/api/admin/disputes"): ADMIN_ONLY,
    ("POST", "/api/admin/disputes/{dispute_id}/resolve"): Rule(
        {"toGuest": {"amount": 1, "currency": "NGN"}, "decision": "A"},
        stranger=403,
        other_host=403,
        guest=403,
    ),
    ("GET", "/api/admin/chargebacks"): ADMIN_ONLY,
    ("GET", "/api/admin/chargebacks/{chargeback_id}"): ADMIN_ONLY,
    ("POST", "/api/admin/chargebacks"): Rule(A_CHARGEBACK, stranger=403, other_host=403, guest=403),
    ("POST", "/api/admin/chargebacks/{chargeback_id}/close"): Rule(
        {"outcome": "won", "reason": "A"}, stranger=403, other_host=403, guest=403
    ),
    ("POST", "/api/payments/initiate"): Rule(
        {"bookingId": "{booking_id}"}, stranger=NOT_YOURS, other_host=NOT_YOURS
    ),
    ("GET", "/api/payments/status"): Rule(
        query={"reference": "{reference}"}, stranger=NOT_YOURS, other_host=NOT_YOURS
    ),
    ("POST", "/api/payments/{payment_id}/verify"): Rule(
        {}, stranger=NOT_YOURS, other_host=NOT_YOURS
    ),
    ("POST", "/api/listings"): Rule(A_LISTING, stranger=HOST_ONLY, guest=HOST_ONLY),
    ("GET", "/api/host/listings"): Rule(stranger=HOST_ONLY, guest=HOST_ONLY),
    ("PATCH", "/api/listings/{listing_id}"): Rule(
        {"title": "Mine now"}, stranger=HOST_ONLY, other_host=403, guest=HOST_ONLY
    ),
    ("POST", "/api/listings/{listing_id}/units"): Rule(
        {"rooms": {"count": 1}}, stranger=HOST_ONLY, other_host=403, guest=HOST_ONLY
    ),
    ("PATCH", "/api/listings/{listing_id}/units/{label}"): Rule(
        {"active": False}, stranger=HOST_ONLY, other_host=403, guest=HOST_ONLY
    ),
    ("POST", "/api/listings/{listing_id}/price-overrides"): Rule(
        A_RANGE | A_PRICE, stranger=HOST_ONLY, other_host=403, guest=HOST_ONLY
    ),
    ("GET", "/api/listings/{listing_id}/price-overrides"): Rule(
        stranger=HOST_ONLY, other_host=403, guest=HOST_ONLY
    ),
    ("DELETE", "/api/listings/{listing_id}/price-overrides/{override_id}"): Rule(
        stranger=HOST_ONLY, other_host=403, guest=HOST_ONLY
    ),
    ("POST", "/api/listings/{listing_id}/blocked-dates"): Rule(
        A_RANGE, stranger=HOST_ONLY, other_host=403, guest=HOST_ONLY
    ),
    ("GET", "/api/listings/{listing_id}/blocked-dates"): Rule(
        stranger=HOST_ONLY, other_host=403, guest=HOST_ONLY
    ),
    ("DELETE", "/api/listings/{listing_id}/blocked-dates/{block_id}"): Rule(
        stranger=HOST_ONLY, other_host=403, guest=HOST_ONLY
    ),
    ("POST", "/api/host/vouchers"): Rule(A_VOUCHER, stranger=HOST_ONLY, guest=HOST_ONLY),
    ("GET", "/api/host/vouchers"): Rule(stranger=HOST_ONLY, guest=HOST_ONLY),
    ("POST", "/api/host/vouchers/{voucher_id}/end"): Rule(
        {}, stranger=HOST_ONLY, other_host=NOT_YOURS, guest=HOST_ONLY
    ),
    ("POST", "/api/admin/vouchers"): ADMIN_ONLY._replace(body=A_VOUCHER),
    ("GET", "/api/admin/vouchers"): ADMIN_ONLY,
    ("POST", "/api/admin/vouchers/{voucher_id}/end"): ADMIN_ONLY,
    ("GET", "/api/admin/ledger/accounts"): ADMIN_ONLY,
    ("GET", "/api/admin/ledger/accounts/{ledger_account_id}"): ADMIN_ONLY,
    ("GET", "/api/admin/ledger/accounts/{ledger_account_id}/entries"): ADMIN_ONLY,
    ("GET", "/api/admin/ledger/bookings/{booking_id}"): ADMIN_ONLY,
    ("POST", "/api/admin/ledger/adjustments"): ADMIN_ONLY._replace(body=AN_ADJUSTMENT),
    ("GET", "/api/admin/gateways"): ADMIN_ONLY,
    ("GET", "/api/admin/gateways/calls"): ADMIN_ONLY,
    ("GET", "/api/admin/webhooks"): ADMIN_ONLY,
    ("GET", "/api/admin/webhooks/booking/{booking_id}"): ADMIN_ONLY,
    ("GET", "/api/admin/webhooks/{event_id}"): ADMIN_ONLY,
    ("POST", "/api/admin/webhooks/{event_id}/replay"): ADMIN_ONLY,
    ("POST", "/api/admin/webhooks/{event_id}/dismiss"): ADMIN_ONLY._replace(
        body={"reason": "A test"}
    ),
    ("POST", "/api/host/payout-accounts"): Rule(AN_ACCOUNT, stranger=HOST_ONLY, guest=HOST_ONLY),
    ("GET", "/api/host/payout-accounts"): Rule(stranger=HOST_ONLY, guest=HOST_ONLY),
    ("DELETE", "/api/host/payout-accounts/{account_id}"): Rule(
        stranger=HOST_ONLY, other_host=NOT_YOURS, guest=HOST_ONLY
    ),
    ("POST", "/api/host/payout-accounts/{account_id}/onboarding"): Rule(
        {}, stranger=HOST_ONLY, other_host=NOT_YOURS, guest=HOST_ONLY
    ),
    ("GET", "/api/host/transfers"): Rule(stranger=HOST_ONLY, guest=HOST_ONLY),
    ("GET", "/api/host/settlements"): Rule(stranger=HOST_ONLY, guest=HOST_ONLY),
    ("GET", "/api/host/settlements/{settlement_id}"): Rule(
        stranger=HOST_ONLY, other_host=NOT_YOURS, guest=HOST_ONLY
    ),
    ("GET", "/api/host/settlements/{settlement_id}/csv"): Rule(
        stranger=HOST_ONLY, other_host=NOT_YOURS, guest=HOST_ONLY
    ),
    ("GET", "/api/admin/settlements"): ADMIN_ONLY,
    ("GET", "/api/admin/settlements/csv"): ADMIN_ONLY._replace(query={"month": "2026-10"}),
    ("GET", "/api/admin/settlements/{settlement_id}"): ADMIN_ONLY,
    ("GET", "/api/admin/settlements/{settlement_id}/csv"): ADMIN_ONLY,
    ("GET", "/api/admin/bank-statements"): ADMIN_ONLY,
    ("GET", "/api/admin/bank-statements/payouts"): ADMIN_ONLY,
    ("GET", "/api/admin/bank-statements/{bank_statement_id}"): ADMIN_ONLY,
    ("GET", "/api/host/balance"): Rule(stranger=HOST_ONLY, guest=HOST_ONLY),
    ("GET", "/api/host/debts"): Rule(stranger=HOST_ONLY, guest=HOST_ONLY),
    **{
        (method, f"/api/admin/{kind}{path}"): ADMIN_ONLY._replace(body=body)
        for kind in ("refunds", "transfers")
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/{instruction_id}", None),
            ("POST", "/{instruction_id}/retry", {"reason": "A"}),
            ("POST", "/{instruction_id}/reissue", {"reason": "A"}),
            ("POST", "/{instruction_id}/look-up", None),
        )
    },
    ("POST", "/api/admin/bookings/{booking_id}/refunds"): ADMIN_ONLY._replace(body=A_LATE_REFUND),
    ("GET", "/api/admin/breaker"): ADMIN_ONLY,
    ("POST", "/api/admin/breaker/override"): ADMIN_ONLY._replace(body={"reason": "A"}),
    ("GET", "/api/admin/jobs"): ADMIN_ONLY,
    ("GET", "/api/admin/jobs/{job_id}"): ADMIN_ONLY,
    ("GET", "/api/admin/jobs/health"): ADMIN_ONLY,
    ("GET", "/api/admin/jobs/runs"): ADMIN_ONLY,
    ("GET", "/api/admin/jobs/pauses"): ADMIN_ONLY,
    ("POST", "/api/admin/jobs/retry"): ADMIN_ONLY._replace(body={"reason": "A"}),
    **{
        ("POST", f"/api/admin/{path}"): ADMIN_ONLY._replace(body={"reason": "A"})
        for path in (
            *("jobs/{job_id}/retry", "jobs/{job_id}/cancel"),
            *("queues/{name}/pause", "queues/{name}/resume"),
            *("tasks/{name}/pause", "tasks/{name}/resume"),
        )
    },
    ("GET", "/api/admin/job-locks"): ADMIN_ONLY,
    ("DELETE", "/api/admin/job-locks/{lease_id}"): ADMIN_ONLY,
    ("GET", "/api/admin/audit"): ADMIN_ONLY,
    ("GET", "/api/admin/reconciliation"): ADMIN_ONLY,
    ("GET", "/api/admin/reconciliation/differences"): ADMIN_ONLY,
    ("GET", "/api/admin/reconciliation/{difference_id}"): ADMIN_ONLY,
    ("POST", "/api/admin/reconciliation/{difference_id}/explain"): ADMIN_ONLY._replace(
        body={"note": "We topped it up"}
    ),
    ("POST", "/api/admin/reconciliation/run"): ADMIN_ONLY._replace(body={"gateway": "stripe"}),
    ("GET", "/api/admin/alerts"): ADMIN_ONLY,
    ("GET", "/api/admin/alerts/{alert_id}"): ADMIN_ONLY,
    ("POST", "/api/admin/alerts/{alert_id}/acknowledge"): ADMIN_ONLY,
    ("POST", "/api/admin/alerts/{alert_id}/resolve"): ADMIN_ONLY._replace(body={"note": "Done"}),
}

# What the host of the booking may not do, and how it is told: the rest is its own, or of admins.
NOT_FOR_ITS_HOST: Final = {
    ("POST", "/api/auth/step-up"): "password_wrong",
    ("POST", "/api/bookings/reserve"): "own_listing",
    ("PUT", "/api/bookings/{booking_id}/passengers"): "not_your_part",
    ("POST", "/api/bookings/{booking_id}/disputes"): "not_your_part",
    ("POST", "/api/payments/initiate"): "booking_not_found",
    ("GET", "/api/payments/status"): "no_such_payment",
    ("POST", "/api/payments/{payment_id}/verify"): "no_such_payment",
}
# An admin looks at everything, and stands in for no guest and no host.
NOT_FOR_ADMINS: Final = {
    ("DELETE", "/api/me/sessions/{session_id}"): "no_such_session",  # it is the host's
    ("POST", "/api/me/2fa/end"): "second_factor_required",
    ("POST", "/api/bookings/{booking_id}/disputes"): "not_your_part",
    ("POST", "/api/payments/initiate"): "booking_not_found",
    **{
        route: "role_missing"
        for route, rule in PROTECTED.items()
        if rule.stranger == HOST_ONLY
        and not route[1].startswith("/api/admin/")
        and route != ("POST", "/api/auth/step-up")
    },
}
