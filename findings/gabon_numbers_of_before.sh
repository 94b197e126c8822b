#!/usr/bin/env bash
# Guess: phonenumbers (Google's libphonenumber for Python) knows that Gabon has switched off its old
#   numbers, as it knows of Ivory Coast's change of 2021 and Benin's of 2024: an old one is not valid.
# What happens: Gabon's numbers before the change are valid mobile numbers still, in both of their
#   old forms, and the library's own example of a mobile number of Gabon is one of them. Old numbers
#   of Benin and Ivory Coast are refused, as they should be. The new plan works since 2019-11-16 (at
#   home 066…, abroad +241 66…); the old numbers were switched off on 2024-04-06, says the regulator.
#   Who checks a mobile-money payout by is_valid_number alone sends money to numbers that are dead.
# Version: phonenumbers 9.0.43 (metadata of October 2026)
# Seen: 2026-12-01
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check phonenumbers==9.0.43
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import phonenumbers as library

MOBILE = library.PhoneNumberType.MOBILE
KNOWN = [  # number, what it is, what the library said when this was written
    ("+24166123456", "Gabon, of today", True),
    ("+24106031234", "Gabon, abroad until 2019", True),
    ("+2416031234", "Gabon, the same without its 0", True),
    ("+2290195123456", "Benin, of today", True),
    ("+22995123456", "Benin, until 2024", False),
    ("+2250707123456", "Ivory Coast, of today", True),
    ("+22507123456", "Ivory Coast, until 2021", False),
]
changed = False
for text, what, expected in KNOWN:
    number = library.parse(text)
    valid = library.is_valid_number(number) and library.number_type(number) == MOBILE
    print(f"{text:16} {what:32} {'valid' if valid else 'not valid'}")
    changed |= valid is not expected
example = library.format_number(
    library.example_number_for_type("GA", MOBILE), library.PhoneNumberFormat.E164
)
print(f"{example:16} the library's own example")
changed |= example != "+24106031234"
sys.exit("the library says something else now" if changed else 0)
PYTHON
