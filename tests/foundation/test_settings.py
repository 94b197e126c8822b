"""The environment: what production refuses to start with, and what is read of it."""

import pytest

from app.foundation.settings import SettingsRefused, read_settings
from tests.production import PRODUCTION, STRONG


def test_a_whole_environment_starts_in_production() -> None:
    settings = read_settings(PRODUCTION)
    assert settings.is_production
    assert settings.secure_cookies
    assert settings.direct_url == settings.database_url


@pytest.mark.parametrize("name", sorted(PRODUCTION))
def test_production_refuses_to_start_without_each_required_setting(name: str) -> None:
    given = {variable: value for variable, value in PRODUCTION.items() if variable != name}
    with pytest.raises(SettingsRefused, match=name):
        read_settings(given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEYS", "short"),
        ("SECRET_KEYS", "a" * 64),
        ("SECRET_KEYS", f"{STRONG},weak"),
        ("SECRET_KEYS", " , "),
        ("SECRET_KEYS", "development-only-secret-key-0000000000"),
        ("PAYSTACK_SECRET_KEYS", "sk_test_sandbox_0000000000000000"),
        ("PAYSTACK_SECRET_KEYS", "sk_test_0123456789abcdef0123456789abcdef"),
        ("PAYSTACK_SECRET_KEYS", "sk_live_short"),
        ("LOG_LEVEL", "LOUD"),
        ("DATABASE_POOL_SIZE_MAX", "0"),
        ("GATEWAY_TIMEOUT_SECONDS", "-5"),
        ("GATEWAY_RETRY_SECONDS", "0"),
        ("BASE_URL", "http://berthold.example"),
        ("PAYSTACK_BASE_URL", "http://127.0.0.1:1"),
        ("STRIPE_SECRET_KEY", "sk_live_0123456789abcdef0123456789abcdef"),  # without a secret
        ("STRIPE_WEBHOOK_SECRETS", "whsec_short"),
        ("STRIPE_WEBHOOK_SECRETS", STRONG),
        ("STRIPE_BASE_URL", "http://127.0.0.1:1"),
        ("STRIPE_CURRENCIES", "euro"),
        ("FLUTTERWAVE_SECRET_KEY", "FLWSECK-0123456789abcdef-X"),  # without a secret
        ("FLUTTERWAVE_WEBHOOK_SECRETS", "guessable"),
        ("FLUTTERWAVE_WEBHOOKS", "v5"),
        ("FLUTTERWAVE_BASE_URL", "http://127.0.0.1:1"),
        ("GATEWAYS", "stripe"),
        ("GATEWAYS", "paypal"),
        ("DATABASE_POOL_SIZE_MAX", "many"),
        ("BERTHOLD_ENV", "prod"),
        ("SECRET_KEYS", "abcabcabcabcabcabcabcabcabcabcabcabcabcabc"),
        ("SECRET_KEYS", "passwordpasswordpasswordpassword"),
        ("ACCESS_TOKEN_SECONDS", "901"),
        ("SMTP_URL", "smtp://mail.example"),
        ("DATABASE_URL", "postgresql://user:word@db.example/berthold"),
        ("DATABASE_URL", "postgresql://db.example/berthold?sslmode=prefer"),
        ("DATABASE_DIRECT_URL", "postgresql://db.example/berthold"),
        ("WEB_ORIGINS", "https://app.example/path"),
        ("WEB_ORIGINS", "*"),
        ("PAYOUT_HOLD_HOURS", "-1"),
        ("JOB_SECRETS", f"{STRONG},weak"),
        ("BREAKER_REFUNDS", "0"),
        ("BREAKER_AMOUNTS", "EUR"),
        ("BREAKER_AMOUNTS", "EUR=-1"),
        ("BREAKER_AMOUNTS", "euro=100"),
    ],
)
def test_production_refuses_settings_that_are_weak_or_unreadable(name: str, value: str) -> None:
    with pytest.raises(SettingsRefused):
        read_settings(PRODUCTION | {name: value})


def test_a_setting_of_amounts_per_currency_is_read_as_pairs() -> None:
    settings = read_settings(PRODUCTION | {"BREAKER_AMOUNTS": "EUR=10000, XOF = 65000"})
    assert settings.breaker_amounts == {"EUR": 10_000, "XOF": 65_000}


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(SettingsRefused) as refusal:
        read_settings({})
    assert all(name in str(refusal.value) for name in PRODUCTION)


STRIPE = {
    "STRIPE_SECRET_KEY": "sk_live_0123456789abcdef0123456789abcdef",
    "STRIPE_WEBHOOK_SECRETS": f"whsec_{STRONG},whsec_{STRONG[::-1]}",
}


def test_stripe_can_be_the_only_gateway() -> None:
    given = {name: value for name, value in PRODUCTION.items() if "PAYSTACK" not in name}
    settings = read_settings(given | STRIPE | {"STRIPE_CURRENCIES": "EUR, USD"})
    assert len(settings.stripe_webhook_secrets) == 2
    assert settings.stripe_currencies == ("EUR", "USD")
    with pytest.raises(SettingsRefused, match="live key"):
        read_settings(given | STRIPE | {"STRIPE_SECRET_KEY": "sk_test_" + STRONG})


def test_flutterwave_can_be_the_only_gateway() -> None:
    given = {name: value for name, value in PRODUCTION.items() if "PAYSTACK" not in name}
    given |= {
        "FLUTTERWAVE_SECRET_KEY": f"FLWSECK-{STRONG}-X",
        "FLUTTERWAVE_WEBHOOK_SECRETS": STRONG,
    }
    assert read_settings(given).flutterwave_webhooks == "v3"
    with pytest.raises(SettingsRefused, match="live key"):
        read_settings(given | {"FLUTTERWAVE_SECRET_KEY": f"FLWSECK_TEST-{STRONG}-X"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://127.0.0.1/berthold"),
        ("DATABASE_URL", "postgresql:///berthold?host=/var/run/postgresql"),
        ("DATABASE_URL", "postgresql://db.example/berthold?sslmode=verify-full"),
        ("SMTP_URL", "smtp://mail.example:587?starttls"),
        ("SMTP_URL", "smtp://127.0.0.1:25"),
        ("SECRET_KEYS", "0123456789abcdef0123456789abcdef"),
    ],
)
def test_what_crosses_no_network_or_is_encrypted_is_accepted(name: str, value: str) -> None:
    assert read_settings(PRODUCTION | {name: value}).is_production


def test_the_sslmode_of_the_environment_counts_where_the_url_has_none() -> None:
    plain = PRODUCTION | {"DATABASE_URL": "postgresql://db.example/berthold"}
    assert read_settings(plain | {"PGSSLMODE": "verify-full"}).is_production
    with pytest.raises(SettingsRefused, match="sslmode"):
        read_settings(plain | {"PGSSLMODE": "prefer"})


def test_the_key_of_development_serves_nobody_but_this_machine() -> None:
    given = {"BERTHOLD_ENV": "development", "DATABASE_URL": "postgresql:///x"}
    with pytest.raises(SettingsRefused, match="everybody knows"):
        read_settings(given | {"BASE_URL": "http://shop.example"})
    assert read_settings(given | {"BASE_URL": "http://localhost:8000"}).is_development


def test_settings_that_are_printed_show_no_secret() -> None:
    settings = read_settings(PRODUCTION | {"DATABASE_URL": "postgresql://a:hunter2@localhost/b"})
    shown = f"{settings} {settings!r} {settings.secret_keys} {settings.secret_keys[0]}"
    assert STRONG not in shown
    assert "hunter2" not in shown
    assert "sk_live" not in shown
    assert settings.secret_keys[0].reveal() == STRONG
    assert settings.secret_keys[0].encode() == STRONG.encode()


def test_a_refusal_of_settings_never_shows_a_secret() -> None:
    with pytest.raises(SettingsRefused) as refusal:
        read_settings(PRODUCTION | {"SECRET_KEYS": "hunter2"})
    assert "hunter2" not in str(refusal.value)


def test_settings_that_are_lists_are_split_and_trimmed() -> None:
    settings = read_settings(PRODUCTION | {"SECRET_KEYS": f" {STRONG} , {STRONG[::-1]},"})
    assert settings.secret_keys == (STRONG, STRONG[::-1])


def test_development_needs_only_a_database() -> None:
    settings = read_settings({"BERTHOLD_ENV": "development", "DATABASE_URL": "postgresql:///x"})
    assert settings.secret_keys
    assert settings.is_development
    assert not settings.secure_cookies


A, B, C = (f"sk_live_{letter * 8}{STRONG}" for letter in "abc")


def test_a_paystack_key_can_be_named_with_the_currencies_of_its_business() -> None:
    given = {"PAYSTACK_SECRET_KEYS": f"NGN+USD:{A}, GHS:{B} ,USD+NGN:{C}"}
    businesses = read_settings(PRODUCTION | given).paystack_businesses
    assert [(each.currencies, [key.reveal() for key in each.keys]) for each in businesses] == [
        (("NGN", "USD"), [A, C]),  # in rotation: the first calls
        (("GHS",), [B]),
    ]


def test_paystack_keys_without_a_currency_are_of_one_business_for_all() -> None:
    [business] = read_settings(
        PRODUCTION | {"PAYSTACK_SECRET_KEYS": f"{A},{B}"}
    ).paystack_businesses
    assert (business.currencies, business.takes("KES")) == ((), True)
    assert [key.reveal() for key in business.keys] == [A, B]


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (f"ngn:{A}", "NGN:key"),
        (f"NGN:{A} {B}", "NGN:key"),
        (f"NGN:GHS:{A}", "NGN:key"),
        ("NGN:", "NGN:key"),
        (f"XAF:{A}", "not offered: XAF"),
        (f"NGN:{A},{B}", "keys without"),
        (f"NGN+USD:{A},USD:{B}", "more than one business: USD"),
        (f"NGN+NGN:{A}", "more than one business: NGN"),
        (f"NGN:{A},GHS:{A}", "a key twice"),
        (f"{A},{A}", "a key twice"),
        (f"NGN:{A},GHS:sk_test_{STRONG}", "mixes live"),
    ],
)
@pytest.mark.parametrize("environment", ["production", "development"])
def test_paystack_keys_of_another_form_are_refused_and_not_shown(
    environment: str, keys: str, why: str
) -> None:
    given = PRODUCTION | {"BERTHOLD_ENV": environment, "PAYSTACK_SECRET_KEYS": keys}
    with pytest.raises(SettingsRefused) as refusal:
        read_settings(given)
    assert why in str(refusal.value)
    assert STRONG not in str(refusal.value)


def test_a_currency_without_a_paystack_key_is_not_charged_in() -> None:
    given = PRODUCTION | {"PAYSTACK_SECRET_KEYS": f"NGN:{A}", "PAYSTACK_CURRENCIES": "NGN,GHS"}
    with pytest.raises(SettingsRefused, match="no key"):
        read_settings(given)


@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEY", "FLUTTERWAVE_SECRET_KEY"])
def test_a_gateway_of_one_account_takes_one_key(name: str) -> None:
    with pytest.raises(SettingsRefused, match=f"{name} must be one key"):
        read_settings(PRODUCTION | {name: f"{A},{B}"})
