"""Compose a mail, and say when one that failed is tried again."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from app.edge.notifications.model import (
    OF_ACCOUNTS,
    AccountFacts,
    BookingFacts,
    Kind,
    PayoutAccountFacts,
    Taken,
)
from app.foundation import clock
from app.people.mail_links import rules as link_rules
from app.people.mail_links.model import Purpose

ATTEMPTS_MAX: Final = 10
_FIRST_WAIT: Final = timedelta(minutes=1)
_WAIT_MAX: Final = timedelta(hours=6)

_DAYS: Final = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "fr": ("lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."),
}
_MONTHS: Final = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "fr": (
        "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
        "déc.",
    ),
}  # fmt: skip

# One template makes both parts: the layout decides the form, and for HTML all values are escaped.
_TEMPLATES: Final = PackageLoader("app.edge.notifications")
# What the layout shows about the booking, in mails that are about one.
_OF_BOOKINGS: Final = ("title", "units", "check_in", "check_out", "total", "booking_id")
_OF_ACCOUNTS: Final = ("reason", "device", "gateway", "currency", "number", "email")
_HTML: Final = Environment(loader=_TEMPLATES, undefined=StrictUndefined, autoescape=True)
_TEXT: Final = Environment(
    loader=_TEMPLATES,
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701  plain text has no markup
)


def wait_after(attempts: int) -> timedelta:
    """The wait after this many failed attempts: 1, 2, 4 … minutes, 6 hours at the most."""
    return min(_FIRST_WAIT * 2 ** (attempts - 1), _WAIT_MAX)


def compose(taken: Taken, *, mail_from: str, base_url: str, key: str) -> EmailMessage:
    """The mail, in text and HTML, in the reader's language.

    A link in it is to `base_url`, and its token follows from `key`: only the mail has it.

    Its Message-ID follows from the notification's id: if a crash makes us send it twice, the
    reader's mail program can see that it is the same mail (RFC 5322 §3.6.4).
    """
    locale = language(taken.locale)
    name = f"{locale}/{taken.kind}.jinja"
    facts = _facts(taken, locale) | _link(taken, base_url, key)
    text = _TEXT.get_template(name)
    message = EmailMessage(policy=SMTP)
    message["From"] = mail_from
    message["To"] = Address(addr_spec=taken.email)
    message["Subject"] = _one_line(_block(text, "subject", facts))
    message["Date"] = taken.created_at
    message["Message-ID"] = f"<{taken.id}@{message['From'].addresses[0].domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
    message.set_content(text.render(facts, layout="layout.txt"))
    html = _HTML.get_template(name).render(facts, layout="layout.html")
    message.add_alternative(html, subtype="html")
    message["Content-Language"] = locale  # after the contents, which clear such headers
    return message


def language(locale: str) -> str:
    """The language of mails for a locale such as `fr-CM`: English if there are none in its own."""
    wanted = locale.replace("_", "-").split("-")[0].lower()
    return wanted if wanted in _MONTHS else "en"


def moment(at: datetime, zone: str, locale: str) -> str:
    """An instant as people write it, in a zone: `Sat 5 Sep 2026, 14:00 (Africa/Douala)`."""
    local = clock.local(at, zone)
    day, month = _DAYS[locale][local.weekday()], _MONTHS[locale][local.month - 1]
    return f"{day} {local.day} {month} {local.year}, {local:%H:%M} ({local.tzinfo})"


def _facts(taken: Taken, locale: str) -> dict[str, Any]:
    """What templates may use, already as text."""
    if taken.kind in (Kind.PAYOUT_ACCOUNT_STOPPED, Kind.BANK_REFUSED):
        return _payout_account_facts(taken, locale)
    if taken.kind in OF_ACCOUNTS:
        return _account_facts(taken, locale)
    data = msgspec.convert(taken.data, BookingFacts)
    zone = data.get("zone", taken.zone)
    respond_by = data.get("respond_by")
    return {
        "locale": locale,
        "name": _one_line(taken.name),
        "booking_id": str(data["booking_id"]),
        "title": _one_line(data["listing_title"]),
        "units": ", ".join(_one_line(label) for label in data["unit_labels"]),
        "check_in": moment(data["check_in_at"], zone, locale),
        "check_out": moment(data["check_out_at"], data.get("arrival_zone", zone), locale),
        "total": str(data["total"]),
        "amount": str(data.get("amount", "")),
        "reason": data.get("reason", ""),
        "given_back": data.get("given_back", False),
        "respond_by": moment(respond_by, taken.zone, locale) if respond_by else "",
        **_dispute_facts(data),
    }


def _link(taken: Taken, base_url: str, key: str) -> dict[str, str]:
    """The link of a mail that has one; it is what the notification is about."""
    purpose = taken.data.get("link")
    if purpose is None:
        return {"link": ""}
    return {"link": link_rules.url(base_url, taken.source_id, Purpose(purpose), key=key)}


def _payout_account_facts(taken: Taken, locale: str) -> dict[str, str]:
    data = msgspec.convert(taken.data, PayoutAccountFacts)
    return {
        **dict.fromkeys(_OF_BOOKINGS, ""),
        "locale": locale,
        "name": _one_line(taken.name),
        "gateway": data["gateway"],
        "currency": data["currency"],
        "missing": ", ".join(_one_line(each) for each in data["missing"]),
        "reason": _one_line(data["reason"]),
    }


def _account_facts(taken: Taken, locale: str) -> dict[str, str]:
    data = msgspec.convert(taken.data, AccountFacts)
    until = data.get("until")
    return {
        **dict.fromkeys(
            (*_OF_BOOKINGS, "reason", "device", "gateway", "currency", "number", "email"), ""
        ),
        "locale": locale,
        "name": _one_line(taken.name),
        **{field: _one_line(str(text)) for field, text in data.items()},
        "until": moment(datetime.fromisoformat(until), taken.zone, locale) if until else "",
    }


def _dispute_facts(data: BookingFacts) -> dict[str, str]:
    if "dispute" not in data:
        return {}
    return {name: str(fact) for name, fact in data["dispute"].items()}


def _block(template: Template, name: str, facts: Mapping[str, Any]) -> str:
    context = template.new_context({**facts, "layout": "layout.txt"})
    return "".join(template.blocks[name](context))


def _one_line(text: str) -> str:
    """A text without line breaks, which could begin another header of the mail."""
    return " ".join(text.split())
