"""Mails against a real mail server: once, later, or never, and as what people see."""

import asyncio
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import LiteralString
from uuid import UUID, uuid4

import msgspec
import pytest

from app.edge.notifications import actions, rules, stories
from app.edge.notifications.model import (
    AccountFacts,
    BookingFacts,
    Kind,
    Outcome,
    PayoutAccountFacts,
)
from app.foundation.db import execute, fetch_one, fetch_value, transaction
from app.foundation.money import Money
from app.foundation.settings import settings
from app.people.mail_links.model import Purpose
from tests import make
from tests.mail_server import Sink

pytestmark = pytest.mark.usefixtures("pool")


class Stored(msgspec.Struct):
    state: str
    attempts: int
    last_error: str | None
    due: bool


OF_ACCOUNTS = {
    Kind.PAYOUT_ACCOUNT_STOPPED: PayoutAccountFacts(
        gateway="Stripe", currency="EUR", missing=["tax id", "a document"], reason="Past due."
    ),
    Kind.BANK_REFUSED: PayoutAccountFacts(
        gateway="Stripe", currency="EUR", missing=[], reason="The account is closed."
    ),
    Kind.SESSION_ENDED: AccountFacts(device="Firefox on Linux"),
    Kind.SECOND_FACTOR_CHANGED: AccountFacts(),
    Kind.VERIFY_EMAIL: AccountFacts(link=Purpose.VERIFY),
    Kind.EMAIL_CHANGE_ASKED: AccountFacts(link=Purpose.CHANGE, email="new@example.com"),
    Kind.EMAIL_CHANGED: AccountFacts(link=Purpose.TAKE_BACK, email="new@example.com"),
    Kind.PASSWORD_RESET: AccountFacts(link=Purpose.RESET),
    Kind.PASSWORD_CHANGED: AccountFacts(),
    Kind.PAYOUT_ACCOUNT_CHANGED: AccountFacts(
        gateway="Paystack", currency="NGN", number="•••• 6789", until="2026-09-01T22:30:00Z"
    ),
    Kind.PAYOUT_NUMBER_OUTDATED: AccountFacts(
        gateway="Flutterwave", currency="XAF", number="•••• 6789", reason="it has 8 digits"
    ),
}
# What the subject and the body of a mail about no booking say.
WORDS = {
    Kind.PAYOUT_ACCOUNT_STOPPED: ("EUR", "Stripe"),
    Kind.BANK_REFUSED: ("EUR", "Stripe"),
    Kind.SESSION_ENDED: ("s", "Firefox on Linux"),
    Kind.SECOND_FACTOR_CHANGED: ("second", "authenti"),
    Kind.VERIFY_EMAIL: ("ad", "/links/verify?token="),
    Kind.EMAIL_CHANGE_ASKED: ("ad", "new@example.com"),
    Kind.EMAIL_CHANGED: ("ad", "/links/take-back?token="),
    Kind.PASSWORD_RESET: ("pass", "/links/reset?token="),
    Kind.PASSWORD_CHANGED: ("pass", "pass"),
    Kind.PAYOUT_ACCOUNT_CHANGED: ("NGN", "•••• 6789"),
    Kind.PAYOUT_NUMBER_OUTDATED: ("s", "XAF"),
}


def facts(title: str = "Villa Ngor") -> BookingFacts:
    return {
        "booking_id": uuid4(),
        "listing_title": title,
        "unit_labels": ["1A", "1B"],
        "check_in_at": datetime(2026, 9, 5, 13, tzinfo=UTC),
        "check_out_at": datetime(2026, 9, 7, 10, tzinfo=UTC),
        "total": Money(amount=500_000, currency="NGN"),
        "amount": Money(amount=1_000, currency="NGN"),
        "zone": "Africa/Douala",
        "respond_by": datetime(2026, 9, 1, 22, 30, tzinfo=UTC),
        "dispute": {
            "pot": "rental",
            "held": Money(amount=400_000, currency="NGN"),
            "claimed": Money(amount=300_000, currency="NGN"),
            "to_guest": Money(amount=100_000, currency="NGN"),
        },
    }


async def queue_mail(
    *,
    kind: Kind = Kind.BOOKING_CONFIRMED,
    name: str = "Ama",
    locale: str = "en",
    title: str = "Villa Ngor",
    times: int = 1,
) -> UUID:
    """Notify a new account about a booking; returns the notification's id."""
    async with transaction() as tx:
        guest = await make.account(tx)
        await execute(
            tx,
            """
            UPDATE accounts SET name = %(name)s, locale = %(locale)s, zone = 'Europe/Paris'
             WHERE id = %(id)s""",
            id=guest.id,
            name=name,
            locale=locale,
        )
        source_id = uuid4()
        for _ in range(times):
            await actions.notify(
                tx,
                account_id=guest.id,
                kind=kind,
                source_id=source_id,
                data=OF_ACCOUNTS.get(kind, facts(title)),
            )
        found = await fetch_value(
            tx, UUID, "SELECT id FROM notifications WHERE account_id = %(id)s", id=guest.id
        )
    assert found
    return found


async def stored(notification_id: UUID) -> Stored:
    async with transaction() as tx:
        row = await fetch_one(
            tx,
            Stored,
            """
            SELECT state, attempts, last_error, next_try_at <= business_now() AS due
              FROM notifications WHERE id = %(id)s""",
            id=notification_id,
        )
    assert row
    return row


async def let_pass(seconds: int) -> None:
    async with transaction() as tx:
        await execute(
            tx,
            """
            UPDATE business_clock
               SET movable = true, shift = shift + %(seconds)s * interval '1 second'""",
            seconds=seconds,
        )


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body
    return body.get_content()


async def test_an_account_is_notified_once_however_often_it_is_asked_for(sink: Sink) -> None:
    notification_id = await queue_mail(times=3)
    async with transaction() as tx:
        jobs = await fetch_value(
            tx, int, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'send-notification'"
        )
    assert jobs == 1
    assert await stories.deliver(notification_id) is Outcome.SENT
    assert await stories.deliver(notification_id) is Outcome.NOT_DUE
    (mail,) = sink.mails
    assert mail["Message-ID"] == f"<{notification_id}@localhost>"
    assert (await stored(notification_id)).state == "sent"


async def test_a_notification_in_a_transaction_that_rolls_back_is_never_sent() -> None:
    async def fail_after_telling() -> None:
        async with transaction() as tx:
            guest = await make.account(tx)
            await actions.notify(
                tx,
                account_id=guest.id,
                kind=Kind.HOLD_EXPIRED,
                source_id=uuid4(),
                data=facts(),
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_after_telling()
    async with transaction() as tx:
        assert await fetch_value(tx, int, "SELECT count(*) FROM notifications") == 0
        assert await fetch_value(tx, int, "SELECT count(*) FROM procrastinate_jobs") == 0


async def test_ten_workers_on_one_notification_send_one_mail(sink: Sink) -> None:
    notification_id = await queue_mail()
    outcomes = await asyncio.gather(*(stories.deliver(notification_id) for _ in range(10)))
    assert sorted(outcomes) == [Outcome.NOT_DUE] * 9 + [Outcome.SENT]
    assert len(sink.mails) == 1


async def test_two_sweeps_at_once_send_each_mail_once(sink: Sink) -> None:
    for _ in range(6):
        await queue_mail()
    first, second = await asyncio.gather(stories.deliver_due(), stories.deliver_due())
    assert first.sent + second.sent == 6
    assert len({mail["Message-ID"] for mail in sink.mails}) == len(sink.mails) == 6


async def test_a_sweep_keeps_to_its_limit(sink: Sink) -> None:
    for _ in range(3):
        await queue_mail()
    assert (await stories.deliver_due(limit=2)).sent == 2
    assert len(sink.mails) == 2


async def test_a_mail_that_the_server_defers_is_sent_later(sink: Sink) -> None:
    notification_id = await queue_mail()
    sink.reply_to_recipient = "450 4.2.0 Greylisted"
    assert await stories.deliver(notification_id) is Outcome.RETRIED
    row = await stored(notification_id)
    assert (row.state, row.attempts, row.due) == ("queued", 1, False)
    assert "Greylisted" in (row.last_error or "")

    sink.reply_to_recipient = "250 OK"
    assert await stories.deliver(notification_id) is Outcome.NOT_DUE
    await let_pass(60)
    assert (await stories.deliver_due()).sent == 1
    assert (await stored(notification_id)).last_error is None


async def test_a_server_that_cannot_be_reached_stops_the_sweep_after_one_mail(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await queue_mail()
    monkeypatch.setenv("SMTP_URL", "smtp://127.0.0.1:1")
    settings.cache_clear()
    assert await stories.deliver_due() == stories.Swept(retried=1)


@pytest.mark.parametrize(
    "broken",
    [
        "data = '{}'",
        "data = jsonb_set(data, '{check_in_at}', '\"soon\"')",
        "data = data - 'total'",
    ],
)
async def test_a_mail_that_cannot_be_composed_does_not_stop_the_others(
    sink: Sink, broken: LiteralString
) -> None:
    bad, *others = [await queue_mail() for _ in range(3)]
    async with transaction() as tx:
        sql = f"UPDATE notifications SET {broken} WHERE id = %(id)s"
        await execute(tx, sql, id=bad)
    assert await stories.deliver_due() == stories.Swept(sent=2, not_composed=1)
    assert {(await stored(other)).state for other in others} == {"sent"}
    row = await stored(bad)
    assert (row.state, row.attempts, row.due) == ("queued", 1, False)
    assert row.last_error
    await let_pass(60)
    assert await stories.deliver(bad) is Outcome.NOT_COMPOSED
    async with transaction() as tx:
        alerts = await fetch_value(tx, str, "SELECT kind || ' ' || count FROM alerts")
    assert alerts == "mail_not_composed 2"


async def test_a_mail_whose_data_was_repaired_is_sent(sink: Sink) -> None:
    notification_id = await queue_mail()
    async with transaction() as tx:
        await execute(tx, "UPDATE notifications SET data = data || '{\"total\": 5}'")
    assert await stories.deliver(notification_id) is Outcome.NOT_COMPOSED
    async with transaction() as tx:
        await execute(
            tx,
            """
            UPDATE notifications
               SET data = data || '{"total": {"amount": 500000, "currency": "NGN"}}'""",
        )
    await let_pass(60)
    assert await stories.deliver(notification_id) is Outcome.SENT


@pytest.mark.parametrize("refused", ["reply_to_recipient", "reply_to_mail"])
async def test_a_mail_that_is_refused_for_good_fails_at_once(sink: Sink, refused: str) -> None:
    notification_id = await queue_mail()
    setattr(sink, refused, "550 5.1.1 Nobody here")
    assert await stories.deliver(notification_id) is Outcome.FAILED
    await let_pass(7 * 24 * 3600)
    assert await stories.deliver_due() == stories.Swept()
    row = await stored(notification_id)
    assert (row.state, row.attempts) == ("failed", 1)
    async with transaction() as tx:
        assert await fetch_value(tx, str, "SELECT kind FROM alerts") == "mail_given_up"


async def test_after_ten_attempts_a_mail_has_failed(sink: Sink) -> None:
    notification_id = await queue_mail()
    sink.reply_to_mail = "451 4.3.0 Disk full"
    outcomes: list[Outcome] = []
    for _ in range(rules.ATTEMPTS_MAX):
        outcomes.append(await stories.deliver(notification_id))
        await let_pass(6 * 3600)
    assert outcomes == [Outcome.RETRIED] * 9 + [Outcome.FAILED]
    assert await stories.deliver(notification_id) is Outcome.NOT_DUE


async def test_the_mail_of_a_worker_that_died_is_sent_when_its_lease_ends(sink: Sink) -> None:
    notification_id = await queue_mail()
    async with transaction() as tx:
        assert await actions.take(tx, notification_id)  # and then it dies
    assert await stories.deliver(notification_id) is Outcome.NOT_DUE
    await let_pass(int(actions.LEASE.total_seconds()))
    assert await stories.deliver(notification_id) is Outcome.SENT


async def test_a_late_failure_does_not_change_a_notification_that_another_worker_took(
    sink: Sink,
) -> None:
    notification_id = await queue_mail()
    async with transaction() as tx:
        slow = await actions.take(tx, notification_id)
    assert slow
    await let_pass(int(actions.LEASE.total_seconds()))
    assert await stories.deliver(notification_id) is Outcome.SENT
    async with transaction() as tx:
        await actions.record_failure(tx, slow, error="too late", permanent=False)
    assert (await stored(notification_id)).state == "sent"


@pytest.mark.parametrize(
    "name", ["Zoë 🎉🏖️", "محمد بن عبد الله", 'O"Brien, Ann; <x@y.test>', "你好" * 90, "a\u2028b"]
)
async def test_names_arrive_as_they_were_given(sink: Sink, name: str) -> None:
    await stories.deliver(await queue_mail(name=name, title=name))
    (mail,) = sink.mails
    seen = " ".join(name.split())
    assert mail["Subject"] == f"Confirmed: {seen}"
    assert f"Hello {seen}," in part(mail, "plain")


async def test_markup_in_names_is_text_in_the_html_part(sink: Sink) -> None:
    await stories.deliver(await queue_mail(name="<b>Ama</b>", title="<script>alert(1)</script>"))
    (mail,) = sink.mails
    html = part(mail, "html")
    assert "&lt;b&gt;Ama&lt;/b&gt;" in html
    assert "<script" not in html
    assert "<b>" not in html
    assert "<b>Ama</b>" in part(mail, "plain")


async def test_line_breaks_in_names_begin_no_header(sink: Sink) -> None:
    sly = "Ama\r\nBcc: everybody@example.com\r\n\r\nBody"
    await stories.deliver(await queue_mail(name=sly, title=sly))
    (mail,) = sink.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Confirmed: Ama Bcc: everybody@example.com Body"


async def test_the_reader_s_language_and_the_place_s_clock_are_used(sink: Sink) -> None:
    await stories.deliver(await queue_mail(locale="fr-CM", kind=Kind.BOOKING_REQUESTED))
    (mail,) = sink.mails
    text = part(mail, "plain")
    assert mail["Content-Language"] == "fr"
    assert "Du: sam. 5 sept. 2026, 14:00 (Africa/Douala)" in text
    assert "avant mer. 2 sept. 2026, 00:30 (Europe/Paris)" in text
    assert "5,000.00 NGN" in text


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("locale", ["en", "fr", "xx"])
async def test_every_kind_of_notification_has_a_mail_in_every_language(
    sink: Sink, kind: Kind, locale: str
) -> None:
    assert await stories.deliver(await queue_mail(kind=kind, locale=locale)) is Outcome.SENT
    (mail,) = sink.mails
    subject, body = WORDS.get(kind, ("Villa Ngor", "1A, 1B"))
    assert subject in mail["Subject"]
    for form in ("plain", "html"):
        assert body in part(mail, form)
        assert "{" not in part(mail, form).split("</head>")[-1]


async def test_a_mail_about_a_dispute_says_what_it_is_about_and_how_it_ended(sink: Sink) -> None:
    await stories.deliver(await queue_mail(kind=Kind.DISPUTE_OPENED))
    await stories.deliver(await queue_mail(kind=Kind.DISPUTE_RESOLVED))
    opened, resolved = (part(mail, "plain") for mail in sink.mails)
    assert "The guest disputes the payment" in opened
    assert "asks for 3,000.00 NGN of 4,000.00 NGN" in opened
    assert "of 4,000.00 NGN the guest gets 1,000.00 NGN" in resolved


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.test", {"port": 25, "use_tls": False, "start_tls": None}),
        ("smtp://mail.test:2525?starttls", {"port": 2525, "use_tls": False, "start_tls": True}),
        ("smtp://mail.test?starttls", {"port": 587, "use_tls": False, "start_tls": True}),
        ("smtps://mail.test", {"port": 465, "use_tls": True, "start_tls": False}),
        ("smtp://a%40b:p%2Fw@mail.test", {"username": "a@b", "password": "p/w"}),
    ],
)
async def test_the_smtp_url_says_how_to_connect(url: str, expected: dict[str, object]) -> None:
    assert expected.items() <= stories.server(url).items()
