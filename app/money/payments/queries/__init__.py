"""The statements of payments, one file per subject."""
