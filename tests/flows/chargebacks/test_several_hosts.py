"""Who bears a chargeback of a booking of several hosts: each at most what that host has got."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.flows.chargebacks.model import Got
from app.flows.chargebacks.rules import cut_transfers, of_host, recover
from app.money.escrow.model import Pot, PotKind, PotState
from app.money.instructions.model import Instruction, InstructionKind
from tests.flows.chargebacks.parties import amounts, few, instruction, pot

HOSTS: Final = [uuid4(), uuid4()]
PARTS: Final = [uuid4(), uuid4(), uuid4()]
HOST_OF: Final = dict(zip(PARTS, [HOSTS[0], HOSTS[1], HOSTS[0]], strict=True))


def _held(part: int, rental: int, deposit: int, state: PotState) -> list[Pot]:
    return [
        replace(pot(kind, amount, state, 0), booking_id=PARTS[part])
        for kind, amount in ((PotKind.RENTAL, rental), (PotKind.DEPOSIT, deposit))
    ]


def _transfer(part: int, amount: int) -> Instruction:
    part_id = PARTS[part]
    out = instruction(InstructionKind.TRANSFER, amount)
    return replace(out, booking_id=part_id, payee_id=HOST_OF[part_id])


def _got(amounts_of_parts: Sequence[int]) -> list[Got]:
    return [
        Got(part_id=part_id, host_id=HOST_OF[part_id], amount=amount)
        for part_id, amount in zip(PARTS, amounts_of_parts, strict=True)
    ]


def _of_host(got: Sequence[Got], host_id: UUID) -> int:
    return sum(each.amount for each in got if each.host_id == host_id)


one_part = st.tuples(
    amounts, amounts, st.sampled_from([PotState.HELD, PotState.DISPUTED, PotState.RELEASING])
)
transfers_of_parts = st.lists(st.builds(_transfer, st.integers(0, 2), amounts), max_size=4)
got_by_parts = st.lists(st.integers(-500, 1_000), min_size=3, max_size=3).map(_got)


@given(
    amount=st.integers(1, 9_000),
    held=st.lists(one_part, min_size=3, max_size=3),
    back=few,
    transfers=transfers_of_parts,
    got=got_by_parts,
)
def test_all_of_a_chargeback_is_borne_in_order_and_no_host_bears_more_than_that_host_got(
    amount: int,
    held: list[tuple[int, int, PotState]],
    back: list[int],
    transfers: list[Instruction],
    got: list[Got],
) -> None:
    pots = [each for number, of_part in enumerate(held) for each in _held(number, *of_part)]
    refunds = [instruction(InstructionKind.REFUND, each) for each in back]
    taken = recover(amount, pots=pots, refunds=refunds, transfers=transfers, got=got)
    has = {host_id: _of_host(got, host_id) for host_id in HOSTS}
    out = {
        host_id: sum(each.amount for each in transfers if each.payee_id == host_id)
        for host_id in HOSTS
    }
    there = [
        sum(each.left for each in pots if each.is_undivided and each.kind is PotKind.DEPOSIT),
        sum(each.left for each in pots if each.is_undivided and each.kind is PotKind.RENTAL),
        sum(back),
        sum(max(out[host_id] + min(has[host_id], 0), 0) for host_id in HOSTS),
        sum(max(has[host_id], 0) for host_id in HOSTS),
    ]
    expected, left = list[int](), amount
    for most in there:
        expected.append(min(left, most))
        left -= expected[-1]
    gave = [taken.from_deposit, taken.from_rental, taken.from_refunds, taken.from_transfers]
    assert ([*gave, taken.from_host], taken.loss) == (expected, left)
    for host_id in HOSTS:
        debts = sum(debt for part, debt in taken.debts.items() if HOST_OF[part] == host_id)
        assert debts <= max(has[host_id], 0)
        assert of_host(taken.transfers, host_id) + debts <= max(out[host_id] + has[host_id], 0)
    for each in got:
        assert taken.debts.get(each.part_id, 0) <= max(each.amount, 0)


def test_pots_of_one_kind_give_in_the_order_in_which_they_are_locked() -> None:
    pots = [*_held(0, 100, 10, PotState.HELD), *_held(1, 200, 20, PotState.HELD)]
    taken = recover(135, pots=pots, refunds=[], transfers=[], got=[])
    assert [taken.pots.get(each.id, 0) for each in pots] == [100, 10, 5, 20]


def test_what_one_host_owes_already_does_not_spare_another() -> None:
    transfers = [_transfer(0, 100), _transfer(1, 100)]
    cuts = cut_transfers(transfers, 200, got=_got([-70, 0, 0]))
    assert [(each.instruction.payee_id, each.amount) for each in cuts] == [
        (HOSTS[0], 30),
        (HOSTS[1], 100),
    ]
