"""The settings, read once from environment variables."""

import os
import socket
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from math import log2
from typing import Annotated, Final, Literal, get_origin
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Meta

from app.foundation.businesses import Business, flaws_of, read_businesses


class Secret(str):
    """Text that is not shown: what prints or logs it gets dots. As bytes it is what it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'••••'"

    def __str__(self) -> str:
        return "••••"

    def __format__(self, _: str) -> str:
        return "••••"

    def reveal(self) -> str:
        """The text itself, for those who must see it."""
        return "".join(self)


_DEVELOPMENT_KEY: Final = Secret("development-only-secret-key-0000000000")
_DEVELOPMENT_JOB_KEY: Final = Secret("development-only-job-secret")
_SECRET_LENGTH_MIN: Final = 32
_SECRET_BITS_MIN: Final = 96  # random text of 32 hexadecimal digits has about 118
_LIMITS_SCALE_MAX: Final = 10  # in production
_ACCESS_SECONDS_MAX: Final = 900  # what was revoked may work so long on routes that do not look
_LOOPBACK: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})  # "": a socket on this machine
_ENCRYPTED: Final = frozenset({"require", "verify-ca", "verify-full"})
_PAYSTACK_CURRENCIES: Final = frozenset({"GHS", "KES", "NGN", "USD", "XOF", "ZAR"})

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Origin = Annotated[str, Meta(pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$")]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
GatewayName = Literal["flutterwave", "paystack", "stripe"]


class Environment(StrEnum):
    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class SettingsRefused(Exception):
    """The environment is not complete or not safe; the message names each setting and its fault."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings. An environment variable has its setting's name in upper case.

    (Only `environment` is read from BERTHOLD_ENV.) Lists are separated by commas. An amount per
    currency is a list such as `EUR=10000,XAF=65000`. Of a list of secrets, the first is used to
    sign and all are accepted, so that a secret can be replaced while the old one still works.
    """

    environment: Environment = Environment.PRODUCTION
    database_url: Secret = Secret()  # it may hold a password
    database_direct_url: Secret = (
        Secret()
    )  # past a pooler: migrations, locks; default: database_url
    pgsslmode: str = ""  # libpq reads it too: where a URL does not name a sslmode
    database_pool_size_max: Positive = 10
    base_url: str = "http://127.0.0.1:8000"
    # Of web clients that are not ours: they may ask from a browser, and guests may return there.
    web_origins: tuple[Origin, ...] = ()
    api_page: bool | None = None  # whether /schema is shown; default: not in production
    secret_keys: tuple[Secret, ...] = ()
    access_token_seconds: Positive = 900
    refresh_token_days: Positive = 30
    payout_late_days: Positive = 3  # then a gateway's payout that no bank statement has is missing
    # In the order of preference; those without keys are not used.
    gateways: tuple[GatewayName, ...] = ("paystack", "flutterwave", "stripe")
    # Each may be named with its business's currencies: NGN:sk_live_…; see businesses.py.
    paystack_secret_keys: tuple[Secret, ...] = ()
    paystack_base_url: str = "https://api.paystack.co"
    paystack_currencies: tuple[Currency, ...] = ()  # to charge in, of those it supports; empty: all
    stripe_secret_key: Secret = Secret()
    stripe_webhook_secrets: tuple[Secret, ...] = ()  # of all endpoints, and those replaced
    stripe_base_url: str = "https://api.stripe.com"
    stripe_currencies: tuple[Currency, ...] = ()
    flutterwave_secret_key: Secret = Secret()
    flutterwave_webhook_secrets: tuple[Secret, ...] = ()  # Flutterwave calls one "secret hash"
    flutterwave_webhooks: Literal["v3", "v4"] = "v3"  # how the account's webhooks are signed
    flutterwave_base_url: str = "https://api.flutterwave.com"
    flutterwave_currencies: tuple[Currency, ...] = ()
    gateway_timeout_seconds: Annotated[Seconds, Meta(le=25)] = 20.0  # see payments.CALLING_FOR
    gateway_retry_seconds: Seconds = 2.0  # longest wait before retry 1, doubled for each next
    commission_bps: Annotated[int, Meta(ge=0, le=10_000)] = (
        1_000  # of the rental; frozen per booking
    )
    # What is paid to an account that is not the host's first waits so long. 0 to 168.
    payout_hold_hours: Annotated[int, Meta(ge=0, le=168)] = 24
    deposit_multiple_max: Positive = 10  # of the rental: more is no deposit, but a hidden price
    breaker_refunds: Positive = 50  # automatic refunds per run: the refund gate
    breaker_amounts: dict[Currency, Positive] = {}  # their sum per run, in minor units
    # All limits times this: above 1 admits more, and in production never much more. See limits.py.
    limits_scale: Annotated[float, Meta(ge=0.01, le=10_000)] = 1.0
    job_secrets: tuple[Secret, ...] = ()  # to trigger jobs over HTTP; empty: nobody may
    smtp_url: Secret = Secret()
    mail_from: str = "Berthold <bookings@localhost>"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    worker_concurrency: Positive = 10
    worker_grace_seconds: Seconds = 25.0  # Heroku kills 30 s after SIGTERM
    worker_stalled_seconds: Seconds = 30.0
    worker_heartbeat_seconds: Seconds = 10.0

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """All secrets, which are never to be shown; without the passwords that URLs may hold."""
        return (
            *self.secret_keys,
            *self.paystack_keys,
            self.stripe_secret_key,
            *self.stripe_webhook_secrets,
            self.flutterwave_secret_key,
            *self.flutterwave_webhook_secrets,
            *self.job_secrets,
        )

    @property
    def paystack_businesses(self) -> list[Business[Secret]]:
        return read_businesses(self.paystack_secret_keys)

    @property
    def paystack_keys(self) -> list[Secret]:
        return [key for business in self.paystack_businesses for key in business.keys]

    @property
    def direct_url(self) -> Secret:
        return self.database_direct_url or self.database_url

    @property
    def secure_cookies(self) -> bool:
        return self.base_url.startswith("https://")

    @property
    def shows_schema(self) -> bool:
        return not self.is_production if self.api_page is None else self.api_page

    @property
    def origins(self) -> tuple[str, ...]:
        """All origins to which a guest or host may be sent back: our own, and `web_origins`."""
        own = urlsplit(self.base_url)
        return (f"{own.scheme}://{own.netloc}", *self.web_origins)

    @property
    def is_development(self) -> bool:
        return self.environment is Environment.DEVELOPMENT

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings that an environment gives. Raises SettingsRefused, which names every fault."""
    given: dict[str, object] = {}
    for field in msgspec.structs.fields(Settings):
        variable = _variable(field.name)
        if variable in environ:
            given[field.name] = _parse(environ[variable].strip(), field.type)
    try:
        settings = msgspec.convert(given, Settings, strict=False, dec_hook=_secret)
    except msgspec.ValidationError as error:
        raise SettingsRefused(f"The environment cannot be read: {error}") from error
    if not settings.is_production:
        settings = _with_development_defaults(settings)
    if problems := _problems(settings):
        raise SettingsRefused("Refusing to start:\n" + "\n".join(f"- {p}" for p in problems))
    return settings


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process."""
    return read_settings(os.environ)


def instance() -> str:
    """The name of this process, as operators see it: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _secret(kind: type, text: str) -> Secret:
    if kind is not Secret:
        raise TypeError(f"there is no setting of the type {kind}")
    return Secret(text)


def _variable(name: str) -> str:
    return {"environment": "BERTHOLD_ENV"}.get(name, name.upper())


def _parse(text: str, kind: object) -> object:
    if get_origin(kind) is tuple:
        return _split(text)
    if get_origin(kind) is dict:
        return {
            name.strip(): value.strip()
            for name, _, value in (pair.partition("=") for pair in _split(text))
        }
    return text


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _with_development_defaults(given: Settings) -> Settings:
    paystack = Secret("sk_test_sandbox_0000000000000000")
    stripe = Secret("sk_test_sandbox_stripe_000000000")
    stripe_webhooks = Secret("whsec_sandbox_000000000000000000")
    flutterwave = Secret("FLWSECK_TEST-sandbox0000000000000000-X")
    flutterwave_webhooks = Secret("sandbox-flutterwave-secret-hash-00")
    return msgspec.structs.replace(
        given,
        secret_keys=given.secret_keys or (_DEVELOPMENT_KEY,),
        paystack_secret_keys=given.paystack_secret_keys or (paystack,),
        stripe_secret_key=given.stripe_secret_key or stripe,
        stripe_webhook_secrets=given.stripe_webhook_secrets or (stripe_webhooks,),
        flutterwave_secret_key=given.flutterwave_secret_key or flutterwave,
        flutterwave_webhook_secrets=given.flutterwave_webhook_secrets or (flutterwave_webhooks,),
        flutterwave_currencies=given.flutterwave_currencies or ("UGX", "XAF"),
        job_secrets=given.job_secrets or (_DEVELOPMENT_JOB_KEY,),
        smtp_url=given.smtp_url or Secret("smtp://127.0.0.1:1025"),
    )


def _problems(given: Settings) -> list[str]:
    """Why these settings cannot be used. Only production needs more than a database."""
    wrong = {
        "DATABASE_URL is missing": not given.database_url,
        "SECRET_KEYS is the key of development, which everybody knows, and BASE_URL is on a "
        "network": _DEVELOPMENT_KEY in given.secret_keys and not _is_local(given.base_url),
    }
    if given.is_production:
        wrong |= {
            "SECRET_KEYS is missing": not given.secret_keys,
            f"SECRET_KEYS holds a weak key: use {_SECRET_LENGTH_MIN}+ random characters": any(
                _is_weak(key) for key in given.secret_keys
            ),
            f"JOB_SECRETS holds a weak one: use {_SECRET_LENGTH_MIN}+ random characters": any(
                _is_weak(secret) for secret in given.job_secrets
            ),
            "BASE_URL must begin with https://": not _is_encrypted(given.base_url),
            f"ACCESS_TOKEN_SECONDS must be at most {_ACCESS_SECONDS_MAX}: what was revoked works "
            "so long": given.access_token_seconds > _ACCESS_SECONDS_MAX,
            "SMTP_URL is missing": not given.smtp_url,
            f"LIMITS_SCALE must be at most {_LIMITS_SCALE_MAX}: more is no limit": (
                given.limits_scale > _LIMITS_SCALE_MAX
            ),
            "SMTP_URL must be smtps://…, or smtp://…?starttls: links in mails are secrets": (
                _is_plain_mail(given.smtp_url)
            ),
            "DATABASE_URL or DATABASE_DIRECT_URL crosses a network without encryption: add "
            "?sslmode=require, or verify-full": any(
                _is_plain_database(url, given.pgsslmode)
                for url in (given.database_url, given.database_direct_url)
            ),
            **_problems_of_gateways(given),
        }
    wrong |= _problems_of_keys(given)
    return [problem for problem, is_so in wrong.items() if is_so]


def _problems_of_keys(given: Settings) -> dict[str, bool]:
    """Each fault in how keys are given, and whether it is there: one of another business too."""
    flaws = flaws_of(given.paystack_secret_keys, known=_PAYSTACK_CURRENCIES)
    takes = [
        currency
        for currency in given.paystack_currencies
        if any(business.takes(currency) for business in given.paystack_businesses)
    ]
    is_lacking = len(takes) < len(given.paystack_currencies)
    return {
        **{f"PAYSTACK_SECRET_KEYS {flaw}": True for flaw in flaws},
        "PAYSTACK_CURRENCIES has one for which PAYSTACK_SECRET_KEYS has no key": is_lacking
        and bool(given.paystack_secret_keys),
        "STRIPE_SECRET_KEY must be one key: one account": _is_list(given.stripe_secret_key),
        "FLUTTERWAVE_SECRET_KEY must be one key: one account": _is_list(
            given.flutterwave_secret_key
        ),
    }


def _problems_of_gateways(given: Settings) -> dict[str, bool]:
    """Each fault of the gateways' settings, and whether it is there.

    At least one gateway is needed, and each that is used needs all its settings.
    """
    paystack = bool(given.paystack_secret_keys) and "paystack" in given.gateways
    stripe = bool(given.stripe_secret_key) and "stripe" in given.gateways
    flutterwave = bool(given.flutterwave_secret_key) and "flutterwave" in given.gateways
    return {
        "PAYSTACK_SECRET_KEYS, FLUTTERWAVE_SECRET_KEY or STRIPE_SECRET_KEY is missing, or its "
        "gateway not in GATEWAYS": not (paystack or flutterwave or stripe),
        "PAYSTACK_SECRET_KEYS must be live keys (sk_live_…): test keys take no money": any(
            not _is_live(key) for key in given.paystack_keys
        ),
        "PAYSTACK_BASE_URL must begin with https://": not _is_encrypted(given.paystack_base_url),
        "STRIPE_SECRET_KEY must be a live key (sk_live_… or rk_live_…)": stripe
        and not _is_live(given.stripe_secret_key),
        "STRIPE_WEBHOOK_SECRETS is missing": stripe and not given.stripe_webhook_secrets,
        "STRIPE_WEBHOOK_SECRETS must be those of its endpoints (whsec_…)": any(
            not secret.startswith("whsec_") or _is_weak(secret)
            for secret in given.stripe_webhook_secrets
        ),
        "STRIPE_BASE_URL must begin with https://": not _is_encrypted(given.stripe_base_url),
        "FLUTTERWAVE_SECRET_KEY must be a live key (FLWSECK-…)": flutterwave
        and not given.flutterwave_secret_key.startswith("FLWSECK-"),
        "FLUTTERWAVE_WEBHOOK_SECRETS is missing": flutterwave
        and not given.flutterwave_webhook_secrets,
        "FLUTTERWAVE_WEBHOOK_SECRETS holds a weak one: with it anybody can forge webhooks": any(
            _is_weak(secret) for secret in given.flutterwave_webhook_secrets
        ),
        "FLUTTERWAVE_BASE_URL must begin with https://": not _is_encrypted(
            given.flutterwave_base_url
        ),
    }


def _is_weak(key: str) -> bool:
    """Whether a key is short, known, or so regular that it has few bits (by Shannon's entropy)."""
    shares = [count / len(key) for count in Counter(key).values()]
    bits = -len(key) * sum(share * log2(share) for share in shares)
    return len(key) < _SECRET_LENGTH_MIN or bits < _SECRET_BITS_MIN or "development" in key


def _is_list(key: str) -> bool:
    return "," in key or " " in key


def _is_local(url: str) -> bool:
    return (urlsplit(url).hostname or "") in _LOOPBACK


def _is_plain_mail(url: str) -> bool:
    parts = urlsplit(url)
    is_encrypted = parts.scheme == "smtps" or "starttls" in parse_qs(
        parts.query, keep_blank_values=True
    )
    return bool(url) and not is_encrypted and not _is_local(url)


def _is_plain_database(url: str, pgsslmode: str) -> bool:
    """Whether a connection may go over a network in the clear. (libpq's default is `prefer`.)"""
    modes = parse_qs(urlsplit(url).query).get("sslmode", [pgsslmode])
    return bool(url) and modes[-1] not in _ENCRYPTED and not _is_local(url)


def _is_live(key: str) -> bool:
    return key.startswith(("sk_live_", "rk_live_")) and len(key) >= _SECRET_LENGTH_MIN


def _is_encrypted(url: str) -> bool:
    return url.startswith("https://")
