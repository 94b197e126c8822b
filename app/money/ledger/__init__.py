"""Double entry: every move of money, balanced and never changed. Knows nothing of its reasons."""
