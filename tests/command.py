"""The `berthold` command, as a test runs it."""

import logging

import pytest
import structlog
from click.testing import CliRunner, Result

from app.cli import main
from app.foundation.settings import settings


def run(
    monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: str = "", **environment: str
) -> Result:
    """One `berthold` command, in this process, with more in its environment; and what is typed."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        return CliRunner().invoke(main, arguments, input=typed or None)
    finally:
        settings.cache_clear()
        structlog.reset_defaults()  # a command logs in its own way, and so does what runs after it
        root.handlers, root.level = handlers, level
