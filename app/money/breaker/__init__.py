"""The breaker: how much goes back in one run without a person having asked for it."""
