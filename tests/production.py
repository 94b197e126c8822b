"""An environment that production starts with."""

STRONG = "q8Zt3VnL5xYw1RkP7sJd0HfB2mCg9TuE"
PRODUCTION = {
    "DATABASE_URL": "postgresql://db/berthold?sslmode=require",
    "SECRET_KEYS": STRONG,
    "PAYSTACK_SECRET_KEYS": "sk_live_0123456789abcdef0123456789abcdef",
    "BASE_URL": "https://berthold.example",
    "SMTP_URL": "smtps://mail.example",
}


def production_at(database_url: str) -> dict[str, str]:
    """The environment of a production process on this database."""
    return PRODUCTION | {
        "BERTHOLD_ENV": "production",
        "DATABASE_URL": database_url,
        "LIMITS_SCALE": "1",  # that of the tests is refused
    }
