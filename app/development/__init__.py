"""What runs only on a developer's machine and in tests; production never imports it."""
