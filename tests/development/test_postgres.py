"""The embedded Postgres."""

from pathlib import Path

from app.development.postgres import running_postgres


def test_an_embedded_postgres_that_was_restarted_is_stopped_at_the_end_too(tmp_path: Path) -> None:
    with running_postgres(tmp_path / "pg", durable=False) as server:
        server.restart(mode="immediate")
    assert not (tmp_path / "pg" / "postmaster.pid").exists()
