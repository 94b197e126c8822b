"""The statements of bank statements, by subject."""
