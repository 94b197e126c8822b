#!/usr/bin/env bash
# One would guess: in an MT940, the package mt-940 gives an entry marked RC (a credit that the bank
# reverses, and so a debit) a negative amount, and that the amounts sum to closing less opening.
# What happens: RC is positive, as the credit was, unless Options(reversal_sign=True) is passed; so
# the entries of a valid statement do not make its closing balance. RD (a reversed debit) is right.
# mt-940 5.1.1 (PyPI), seen on 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mt-940==5.1.1
"$folder/venv/bin/python" - <<'PY'
import mt940

STATEMENT = """:20:X
:25:DE89370400440532013000
:28C:1/1
:60F:C261102EUR2000,00
:61:2611021102C1500,00NTRFPO1
:61:2611021102RC1500,00NTRFPO1
:61:2611021102RD10,00NTRFX
:62F:C261102EUR2010,00
"""


def amounts(options):
    return [str(each.data["amount"].amount) for each in mt940.parse(STATEMENT, options=options)]


plain, asked = amounts(None), amounts(mt940.Options(reversal_sign=True))
print("closing less opening: 10.00")
print("as it is:            ", *plain)
print("with reversal_sign:  ", *asked)
assert plain == ["1500.00", "1500.00", "10.00"]
assert asked == ["1500.00", "-1500.00", "10.00"]
PY
echo "as seen on 2026-11-30"
