"""`.ci/advisories`: what is done about the advisories that a service knows."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).resolve().parents[1]
ID = "PYSEC-2026-1"
ADVISORY = {
    "id": ID,
    "modified": "2026-11-01T00:00:00Z",
    "summary": "Mails may be read by strangers",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "aiosmtplib"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
        }
    ],
}


class Advisories(BaseHTTPRequestHandler):
    """A service like OSV's, which knows one advisory."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        known = {"vulns": [{"id": ID, "modified": ADVISORY["modified"]}]}
        self._answer(
            {
                "results": [
                    known if query["package"]["name"] == "aiosmtplib" else {}
                    for query in asked["queries"]
                ]
            }
        )

    def do_GET(self) -> None:
        self._answer(ADVISORY)

    def _answer(self, reply: object) -> None:
        body = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def run(service: str, tmp_path: Path, ignored: str = "") -> tuple[int, str]:
    (tmp_path / "ignored").write_text(ignored)
    given = {"OSV_URL": service, "ADVISORIES_IGNORED": str(tmp_path / "ignored")}
    ran = subprocess.run(
        [ROOT / ".ci" / "advisories"],
        check=False,
        env=os.environ | given,
        capture_output=True,
        text=True,
    )
    return ran.returncode, ran.stdout + ran.stderr


def in_days(days: int) -> str:
    return str((datetime.now(UTC) + timedelta(days=days)).date())


def test_an_advisory_about_a_pinned_version_fails(service: str, tmp_path: Path) -> None:
    status, said = run(service, tmp_path)
    assert (status, ID in said, "aiosmtplib" in said) == (1, True, True), said


def test_an_advisory_that_is_ignored_with_a_date_and_a_reason_does_not_fail(
    service: str, tmp_path: Path
) -> None:
    status, said = run(service, tmp_path, f"# why\n\n{ID} {in_days(2)} we read no mails\n")
    assert status == 0, said


@pytest.mark.parametrize("line", [ID, f"{ID} soon it is nothing", f"{ID} {in_days(2)}"])
def test_nothing_is_ignored_without_a_date_and_a_reason(
    service: str, tmp_path: Path, line: str
) -> None:
    status, said = run(service, tmp_path, line + "\n")
    assert (status, "without a date and a reason" in said) == (1, True), said


def test_an_advisory_is_not_ignored_beyond_its_day(service: str, tmp_path: Path) -> None:
    status, said = run(service, tmp_path, f"{ID} {in_days(-1)} we read no mails\n")
    assert (status, "not ignored any more" in said) == (1, True), said


def test_where_the_advisories_cannot_be_reached_that_is_said_and_is_no_failure(
    tmp_path: Path,
) -> None:
    status, said = run("http://127.0.0.1:9/", tmp_path)
    assert (status, "NOT LOOKED UP" in said) == (0, True), said
