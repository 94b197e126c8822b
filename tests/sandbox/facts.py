"""What Paystack's official description says of its wire format, and the header that it asks for."""

import json
from pathlib import Path
from typing import Any

from app.sandbox.app import SECRET_KEY

FACTS: dict[str, Any] = json.loads(Path(__file__).with_name("paystack_facts.json").read_text())
AUTHORIZED = {"Authorization": f"Bearer {SECRET_KEY}"}
TYPES = {"string": str, "integer": int, "object": dict, "boolean": bool, "array": list}
