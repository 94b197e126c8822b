"""`python -m app.sandbox`: the simulator as a process of its own."""

import click
import uvicorn

from app.sandbox.app import (
    FLUTTERWAVE_SECRET_KEY,
    FLUTTERWAVE_WEBHOOK_SECRET,
    SECRET_KEY,
    STEP_SECONDS,
    STRIPE_SECRET_KEY,
    STRIPE_WEBHOOK_SECRET,
    SandboxRefused,
    create_sandbox,
)


@click.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8010, show_default=True)
@click.option(
    "--webhook-url",
    default="http://127.0.0.1:8000/api/webhooks/{gateway}",
    show_default=True,
    help="Where webhooks are sent; {gateway} stands for the sender's name.",
)
@click.option(
    "--secret-key",
    envvar="PAYSTACK_SECRET_KEYS",
    default=SECRET_KEY,
    help="Paystack's, comma-separated, as NGN:key for each business; its first signs webhooks.",
)
@click.option("--stripe-secret-key", envvar="STRIPE_SECRET_KEY", default=STRIPE_SECRET_KEY)
@click.option(
    "--stripe-webhook-secrets",
    envvar="STRIPE_WEBHOOK_SECRETS",
    default=STRIPE_WEBHOOK_SECRET,
    help="Comma-separated; the first signs the webhooks.",
)
@click.option(
    "--flutterwave-secret-key", envvar="FLUTTERWAVE_SECRET_KEY", default=FLUTTERWAVE_SECRET_KEY
)
@click.option(
    "--flutterwave-webhook-secrets",
    envvar="FLUTTERWAVE_WEBHOOK_SECRETS",
    default=FLUTTERWAVE_WEBHOOK_SECRET,
    help="Comma-separated; webhooks have the first.",
)
@click.option(
    "--books",
    default=".berthold/sandbox.sqlite3",
    show_default=True,
    help="An SQLite file, or :memory:.",
)
@click.option(
    "--step-seconds",
    default=STEP_SECONDS,
    show_default=True,
    help="How long each step of a refund or transfer takes.",
)
def serve(
    *,
    host: str,
    port: int,
    webhook_url: str,
    secret_key: str,
    stripe_secret_key: str,
    stripe_webhook_secrets: str,
    flutterwave_secret_key: str,
    flutterwave_webhook_secrets: str,
    books: str,
    step_seconds: float,
) -> None:
    """Gateways to pay at without money: set PAYSTACK_BASE_URL and the like to its address."""
    try:
        sandbox = create_sandbox(
            webhook_url=webhook_url,
            secret_keys=_split(secret_key),
            stripe_secret_key=stripe_secret_key,
            stripe_webhook_secret=_split(stripe_webhook_secrets)[0],
            flutterwave_secret_key=flutterwave_secret_key,
            flutterwave_webhook_secret=_split(flutterwave_webhook_secrets)[0],
            books_path=books,
            step_seconds=step_seconds,
        )
    except SandboxRefused as refusal:
        raise click.ClickException(str(refusal)) from refusal
    uvicorn.run(sandbox, host=host, port=port, log_level="warning")


def _split(given: str) -> list[str]:
    return [part.strip() for part in given.split(",") if part.strip()]


if __name__ == "__main__":
    serve()
