"""Who bears a lost chargeback: each bearer in its turn, and together all of the amount."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.edge.gateways.amounts import Operation
from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import amounts_of
from app.flows.chargebacks.model import Chargeback, ChargebackState
from app.flows.chargebacks.rules import kept, recover
from app.money.escrow.model import Pot, PotKind, PotState
from app.money.instructions.model import Instruction, InstructionKind
from tests.flows.chargebacks.parties import NOW, SHARED, amounts, few, got, instruction, pot


def lost_one(amount: int, *, loss: int) -> Chargeback:
    return Chargeback(
        id=uuid4(),
        gateway_id="",
        state=ChargebackState.LOST,
        amount=amount,
        reason="",
        is_taken=True,
        fee=None,
        evidence_due_at=None,
        recorded_by=None,
        from_deposit=amount - loss,
        from_rental=0,
        from_refunds=0,
        from_transfers=0,
        from_host=0,
        from_returns=0,
        loss=loss,
        opened_at=NOW,
        closed_at=NOW,
        **{name: SHARED[name] for name in ("booking_id", "payment_id", "gateway", "currency")},
    )


states = st.sampled_from([PotState.HELD, PotState.DISPUTED, PotState.RELEASING, PotState.REFUNDED])
pots = st.lists(
    st.builds(pot, st.sampled_from(PotKind), amounts, states, st.integers(0, 500)),
    max_size=2,
    unique_by=lambda each: each.kind,
)


@given(
    refund=st.integers(1, 1_000),
    losses=st.lists(st.tuples(st.integers(1, 500), st.integers(0, 500)), max_size=3),
    charged_back=st.integers(0, 1_500),
)
def test_of_a_refund_that_came_back_only_what_the_guest_would_have_twice_is_kept(
    refund: int, losses: list[tuple[int, int]], charged_back: int
) -> None:
    lost = [lost_one(amount, loss=min(amount, loss)) for amount, loss in losses]
    counted = min(sum(each.amount for each in lost), charged_back)
    shares = kept(instruction(InstructionKind.REFUND, refund), lost, counted=counted)
    assert sum(shares) == min(refund, sum(each.amount for each in lost) - counted)
    for each, share, later in zip(lost, shares, [*shares[1:], 0], strict=False):
        assert share >= 0
        assert share <= (each.loss or 0) or each is lost[-1]
        assert share == each.loss or not later, "the oldest first"


@given(amount=st.integers(1, 5_000), pots=pots, back=few, out=few, has=st.integers(-500, 1_000))
def test_each_bearer_of_a_chargeback_gives_all_it_has_before_the_next_gives_anything(
    amount: int, pots: list[Pot], back: list[int], out: list[int], has: int
) -> None:
    refunds = [instruction(InstructionKind.REFUND, each) for each in back]
    transfers = [instruction(InstructionKind.TRANSFER, each) for each in out]
    taken = recover(amount, pots=pots, refunds=refunds, transfers=transfers, got=got(has))
    held = {each.kind: each.left for each in pots if each.is_undivided}
    there = [held.get(PotKind.DEPOSIT, 0), held.get(PotKind.RENTAL, 0), sum(back)]
    there += [max(sum(out) + min(has, 0), 0), max(has, 0)]
    gave = [taken.from_deposit, taken.from_rental, taken.from_refunds, taken.from_transfers]
    gave.append(taken.from_host)
    assert sum(gave) + taken.loss == amount
    expected, left = list[int](), amount
    for most in there:
        expected.append(min(left, most))
        left -= expected[-1]
    assert (gave, taken.loss) == (expected, left)
    assert sum(taken.pots.values()) == taken.from_deposit + taken.from_rental
    for cuts in (taken.refunds, taken.transfers):
        assert all(cut.amount > 0 and cut.rest >= 0 for cut in cuts)
        assert not any(cut.rest for cut in cuts[:-1]), "only the last one is cut in two"


def dinars(kind: InstructionKind, amount: int) -> Instruction:
    """At Stripe, which pays no less than 0.010 KWD, and in steps of that."""
    return replace(instruction(kind, amount * 10), gateway=GatewayName.STRIPE, currency="KWD")


@given(amount=st.integers(1, 50_000), back=few, out=few, has=st.integers(-500, 1_000))
def test_what_is_left_of_a_refund_or_transfer_can_be_paid_and_nothing_is_lost(
    amount: int, back: list[int], out: list[int], has: int
) -> None:
    taken = recover(
        amount,
        pots=[],
        refunds=[dinars(InstructionKind.REFUND, each) for each in back],
        transfers=[dinars(InstructionKind.TRANSFER, each) for each in out],
        got=got(has),
        owed=amounts_of(GatewayName.STRIPE, Operation.TRANSFER, "KWD"),
    )
    for cut in (*taken.refunds, *taken.transfers):
        assert cut.amount > 0
        assert cut.rest % 10 == 0
    assert taken.from_host % 10 == 0
    gave = taken.from_refunds + taken.from_transfers + taken.from_host
    assert gave + taken.loss == amount
    assert taken.loss >= 0
    exact = min(amount, 10 * sum(back) + max(10 * sum(out) + min(has, 0), 0) + max(has, 0))
    assert exact - 3 * 9 <= gave <= exact


@given(refund=st.integers(1, 500), banks=st.lists(st.integers(1, 4_000), min_size=1, max_size=3))
def test_what_is_left_of_a_refund_that_came_back_can_be_paid(refund: int, banks: list[int]) -> None:
    came_back = dinars(InstructionKind.REFUND, refund)
    lost = [lost_one(amount, loss=0) for amount in banks]
    counted = min(sum(banks), 300)
    kept_of_it = sum(kept(came_back, lost, counted=counted))
    beyond = min(came_back.amount, sum(banks) - counted)
    assert (came_back.amount - kept_of_it) % 10 == 0
    assert beyond <= kept_of_it < beyond + 10 if beyond else kept_of_it == 0
