"""What can be claimed, shown and decided."""

from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.edge.gateways.port import GatewayName
from app.foundation.errors import Invalid
from app.foundation.money import Money
from app.market.disputes import rules
from app.market.disputes.model import DamageReport, Dispute, NewEvidence, OpenDispute, Side
from app.money.escrow.model import PotKind
from app.money.escrow.rules import divide
from tests.money.escrow.pots import pot


def fields(refused: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [error.field for error in refused.value.errors]


@pytest.mark.parametrize(
    "file",
    [
        "https://files.example/a.jpg",
        "https://files.example:8443/a/b.jpg?sig=%2Fx&y=1#page",
        "https://[2001:db8::1]/a",
        "uploads/2027/window.jpg",
        "a",
        "0f3c",
        "x" * 1_000,
    ],
)
def test_a_file_is_an_https_address_or_a_key(file: str) -> None:
    rules.check_evidence(NewEvidence(files=[file]))


@pytest.mark.parametrize(
    "file",
    [
        "http://files.example/a.jpg",
        "HTTPS://files.example/a.jpg",
        "https://",
        "https:///a",
        "https://user:secret@files.example/a",
        "https://files.example:99999/a",
        "https://files.example:x/a",
        "https://[::1/a",
        'https://files.example/"><script>',
        "https://files.example/a b",
        "https://files.example/\u202egpj.exe",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "../secrets",
        "a/../b",
        "a/./b",
        ".hidden",
        "/etc/passwd",
        "a//b",
        "a/",
        "a b",
        "a\n",
        "é",
        "a\\b",
        "",
    ],
)
def test_nothing_else_is(file: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.check_evidence(NewEvidence(text="A", files=["a", file]), at="evidence.")
    assert fields(refused) == ["evidence.files[1]"]


def test_evidence_shows_something() -> None:
    for text in ("", " \n"):
        with pytest.raises(Invalid) as refused:
            rules.of_guest(OpenDispute(reason="A", evidence=NewEvidence(text=text)))
        assert fields(refused) == ["evidence.text"]
    assert rules.of_guest(OpenDispute(reason="A")).evidence is None


def test_all_is_claimed_unless_less_is_named() -> None:
    rental = pot(PotKind.RENTAL, 500)
    assert rules.claimed(rules.of_guest(OpenDispute(reason="A")), rental) == 500
    part = OpenDispute(reason="A", claimed=Money(1, "NGN"))
    assert rules.claimed(rules.of_guest(part), rental) == 1


@pytest.mark.parametrize(
    ("money", "field"),
    [
        (Money(0, "NGN"), "claimed.amount"),
        (Money(501, "NGN"), "claimed.amount"),
        (Money(500, "XAF"), "claimed.currency"),
    ],
)
def test_no_more_is_claimed_than_is_held(money: Money, field: str) -> None:
    complaint = rules.of_host(DamageReport(reason="A", claimed=money))
    with pytest.raises(Invalid) as refused:
        rules.claimed(complaint, pot(PotKind.DEPOSIT, 500))
    assert fields(refused) == [field]


def dispute(side: Side, *, held: int, claimed: int) -> Dispute:
    facts: dict[str, Any] = {
        "id": uuid4(), "pot_id": uuid4(), "booking_id": uuid4(), "opened_by": uuid4(),
        "pot": side.pot, "side": side, "state": "open", "reason": "A", "held": held,
        "claimed": claimed, "currency": "NGN", "to_guest": None, "resolved_by": None,
        "decision": None, "opened_at": "2027-01-01T00:00:00Z", "ended_at": None,
    }  # fmt: skip
    return msgspec.convert(facts, Dispute)


@given(held=st.integers(1, 10**15), data=st.data())
def test_nobody_gets_more_than_was_claimed(held: int, data: st.DataObject) -> None:
    claimed = data.draw(st.integers(1, held))
    given_to_guest = data.draw(st.integers(0, held))
    for side in Side:
        gets = given_to_guest if side is Side.GUEST else held - given_to_guest
        decided = Money(given_to_guest, "NGN")
        if gets <= claimed:
            told = rules.to_guest(
                decided, dispute(side, held=held, claimed=claimed), GatewayName.FLUTTERWAVE
            )
            assert told == given_to_guest
        else:
            with pytest.raises(Invalid) as refused:
                rules.to_guest(
                    decided, dispute(side, held=held, claimed=claimed), GatewayName.FLUTTERWAVE
                )
            assert fields(refused) == ["toGuest.amount"]


def test_a_decision_is_in_the_currency_of_the_pot() -> None:
    with pytest.raises(Invalid) as refused:
        rules.to_guest(
            Money(1, "KWD"), dispute(Side.GUEST, held=5, claimed=5), GatewayName.FLUTTERWAVE
        )
    assert fields(refused) == ["toGuest.currency"]


@given(
    amount=st.integers(1, 10**15),
    bps=st.integers(0, 10_000),
    kind=st.sampled_from(PotKind),
    currency=st.sampled_from(["XAF", "NGN", "KWD"]),
    data=st.data(),
)
def test_a_split_loses_nothing_and_leaves_the_remainder_to_the_host(
    amount: int, bps: int, kind: PotKind, currency: str, data: st.DataObject
) -> None:
    to_guest = data.draw(st.integers(0, amount))
    held = pot(kind, amount, currency=currency, commission_bps=bps)
    division = divide(held, to_guest=to_guest, reason="decided")
    rest = amount - to_guest
    assert division.to_guest == to_guest
    assert division.commission == (rest * bps // 10_000 if kind is PotKind.RENTAL else 0)
    assert division.to_host == rest - division.commission
    assert (division.state == "refunding") == (rest == 0)
