"""Instructions: money out, refunds and transfers alike, each known here before the gateway."""
