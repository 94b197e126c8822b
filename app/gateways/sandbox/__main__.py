"""`python -m app.gateways.sandbox`: the simulator as a process of its own."""

import click
import uvicorn

from app.gateways.sandbox.app import (
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
    help="Where webhooks go; {gateway} stands for the sender's name.",
)
@click.option(
    "--secret-key",
    envvar="PAYSTACK_SECRET_KEYS",
    default=SECRET_KEY,
    help="Paystack's, comma-separated; the first signs the webhooks.",
)
@click.option("--stripe-secret-key", envvar="STRIPE_SECRET_KEY", default=STRIPE_SECRET_KEY)
@click.option(
    "--stripe-webhook-secrets",
    envvar="STRIPE_WEBHOOK_SECRETS",
    default=STRIPE_WEBHOOK_SECRET,
    help="Comma-separated; the first signs the webhooks.",
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
    books: str,
    step_seconds: float,
) -> None:
    """Gateways to pay at without money: set PAYSTACK_BASE_URL, STRIPE_BASE_URL to its address."""
    keys = [key.strip() for key in secret_key.split(",") if key.strip()]
    try:
        sandbox = create_sandbox(
            webhook_url=webhook_url,
            secret_keys=keys,
            stripe_secret_key=stripe_secret_key,
            stripe_webhook_secret=stripe_webhook_secrets.split(",", maxsplit=1)[0].strip(),
            books_path=books,
            step_seconds=step_seconds,
        )
    except SandboxRefused as refusal:
        raise click.ClickException(str(refusal)) from refusal
    uvicorn.run(sandbox, host=host, port=port, log_level="warning")


if __name__ == "__main__":
    serve()
