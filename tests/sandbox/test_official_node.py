"""The official client of Stripe for Node at the sandbox, where Node and the client are there."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from app.sandbox.app import STRIPE_SECRET_KEY
from tests.sandbox.server import running_sandbox
from tests.sandbox.stripe_calls import payee
from tests.sandbox.test_lists import take

FOLDER = Path(__file__).parent / "node"
NODE = shutil.which("node")


@pytest.mark.skipif(
    NODE is None or not (FOLDER / "node_modules" / "stripe").exists(),
    reason="there is no Node here, or `npm install` in tests/sandbox/node has not brought stripe",
)
async def test_stripe_for_node_reads_replies_lists_and_errors():
    async with running_sandbox(step_seconds=None) as sandbox:
        charges = [take(sandbox, "stripe").id for _ in range(5)]
        seen = await run(
            sandbox.base_url, STRIPE_SECRET_KEY, await payee(sandbox), f"ch_{charges[0]}", "5"
        )
        assert len(await sandbox.refunds()) == 1
    invalid = {"name": "StripeInvalidRequestError", "code": None}
    assert seen == {
        "expired": "expired",
        "fee": 150,
        "walked_all": True,
        "refunded_once": True,
        "back": 400,
        "reversals": 1,
        "unknown": invalid | {"status": 404, "code": "resource_missing"},
        "cursor": invalid | {"status": 400, "code": "resource_missing"},
        "limit": invalid | {"status": 400, "code": "parameter_invalid_integer"},
        "route": invalid | {"status": 404},
        "key": {"name": "StripeIdempotencyError", "status": 400, "code": None},
    }


async def run(*arguments: str) -> Any:
    assert NODE
    process = await asyncio.create_subprocess_exec(
        NODE,
        str(FOLDER / "story.mjs"),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), timeout=60)
    assert process.returncode == 0, errors.decode()
    return json.loads(out)
