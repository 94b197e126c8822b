"""The application against its own description: what a machine thinks of to send."""

import asyncio
import json
from collections import Counter
from typing import Any, Final

import requests
import schemathesis
from hypothesis import given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.foundation.db import transaction
from app.people.accounts.model import Role
from tests import make
from tests.health_checks import EVERY_CHECK
from tests.shop import Shop

EXAMPLES_PER_OPERATION: Final = 10
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


async def test_no_operation_breaks_on_what_its_description_allows_or_forbids(shop: Shop) -> None:
    async with transaction() as tx:
        everybody = await make.account(tx, *Role)
    seen = await asyncio.to_thread(_ask_everything, str(shop.api.base_url), make.bearer(everybody))
    assert len(seen) > 20, "each operation has been asked"
    assert {status // 100 for statuses in seen.values() for status in statuses} == {2, 4}


def _ask_everything(base_url: str, headers: dict[str, str]) -> dict[str, Counter[int]]:
    """The statuses that each operation answered with. Synchronous: schemathesis is."""
    seen: dict[str, Counter[int]] = {}
    with requests.Session() as session:
        described = session.get(f"{base_url}/schema/openapi.json", timeout=10).text
        description = schemathesis.openapi.from_dict(json.loads(described))
        for found in description.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            # Who logs out is nobody for the rest of the operations.
            sent = {} if operation.path == "/api/auth/logout" else headers
            seen[operation.label] = _ask(operation, session, base_url, sent)
    return seen


def _ask(
    operation: Any, session: requests.Session, base_url: str, headers: dict[str, str]
) -> Counter[int]:
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=EXAMPLES_PER_OPERATION,
        derandomize=True,  # the same requests in each run
        database=None,
        deadline=None,
        suppress_health_check=EVERY_CHECK,
    )
    @given(case=_either(operation))
    def ask(case: schemathesis.Case) -> None:
        reply = case.call(base_url=base_url, session=session, headers=headers)
        statuses[reply.status_code] += 1
        case.validate_response(reply, checks=CHECKS)

    ask()
    return statuses


def _either(operation: Any) -> Any:
    """Requests that the description allows, and those that it forbids."""
    allowed = operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE)
    forbidden = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
    return allowed | forbidden
