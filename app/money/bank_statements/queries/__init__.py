"""SQL on bank statements and expected payouts, one file per subject."""
