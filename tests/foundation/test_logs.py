"""Whatever is logged comes out: a log that raised would end the work that it is about."""

import os
import subprocess
import sys

import pytest

_SAY = """
import logging, structlog
from app.foundation.logs import configure_logs
configure_logs("INFO", json={json})
try:
    raise OSError("no such file: \\udcff.txt")
except OSError:
    structlog.get_logger().exception("failed", name="\\udcff", what={{1}})
    logging.getLogger("x").exception("failed \\udcff")
"""


@pytest.mark.parametrize("json", [True, False])
def test_half_a_surrogate_pair_is_logged(json: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SAY.format(json=json)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        check=True,
        timeout=60,
    )
    assert "Logging error" not in done.stderr
    assert done.stdout.count(r"no such file: \udcff.txt") == 2
