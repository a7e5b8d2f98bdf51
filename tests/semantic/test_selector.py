"""Which features go into the next slot: SemHARQ section IV-A as properties."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic.conventions import CODED_FEATURES
from semantic.link.selector import Plan, Selection, _select, first_features, select

SMALL = 12


def masks(seed: int, rows: int, share: float) -> torch.Tensor:
    return torch.rand(rows, SMALL, generator=torch.Generator().manual_seed(seed)) < share


@settings(deadline=None)  # the first call compiles
@given(
    seed=st.integers(0, 2**31),
    covered=st.floats(0, 1),
    again=st.floats(0, 1),
    B=st.integers(1, SMALL + 3),
)
def test_requested_first_then_new_each_by_importance(
    seed: int, covered: float, again: float, B: int
) -> None:
    order = torch.from_numpy(np.random.default_rng(seed).permutation(SMALL))
    before = masks(seed, 3, covered)
    wanted = masks(seed + 1, 3, again) & before
    chosen = select(order, before, wanted, B)
    for row in range(3):
        asked = [p for p in order.tolist() if wanted[row, p]]
        new = [p for p in order.tolist() if not before[row, p]]
        expected = (asked + new)[:B]
        sent = chosen.sent[row]
        assert chosen.position[row][sent].tolist() == expected
        assert sent.tolist() == sorted(sent.tolist(), reverse=True)  # what is sent comes first
        assert len(set(chosen.position[row].tolist())) == chosen.position.shape[1]
    assert torch.equal(chosen.uses, chosen.sent.sum(1))
    assert chosen.position.shape[1] == min(B, SMALL)
    for orders in (order, order.expand(3, -1)):  # compiled, and in tensor operations
        for found in (select(orders, before, wanted, B), _select(orders, before, wanted, B)):
            assert torch.equal(found.position, chosen.position)
            assert torch.equal(found.sent, chosen.sent)


@settings(deadline=None)
@given(seed=st.integers(0, 2**31), B=st.integers(1, CODED_FEATURES), asked=st.floats(0, 1))
def test_over_the_slots_nothing_goes_twice_unless_asked_for(
    seed: int, B: int, asked: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(CODED_FEATURES, generator=generator)
    plan, request = Plan.empty(2), None
    sent_before = torch.zeros(2, CODED_FEATURES, dtype=torch.bool)
    may_repeat = torch.zeros(2, CODED_FEATURES, dtype=torch.bool)
    for _ in range(5):
        plan = plan.next(order, request, B)
        chosen = plan.selection
        assert chosen is not None
        now = chosen.spread(chosen.sent)
        assert (now.sum(1) <= B).all()
        assert not (now & sent_before & ~may_repeat).any()
        assert (may_repeat & ~now).sum() == 0  # every request is met: it is at most B long
        sent_before = sent_before | now
        assert torch.equal(plan.covered, sent_before)
        full = sent_before.all(1)
        assert (
            (now.sum(1) == min(B, CODED_FEATURES)) | full
        ).all()  # no room is left while there is more
        request = (torch.rand(chosen.sent.shape, generator=generator) < asked) & chosen.sent
        may_repeat = chosen.spread(request)


@pytest.mark.parametrize("B", [1, 33, 500, 1024])
def test_first_slot_is_that_of_the_general_rule(B: int) -> None:
    nothing = torch.zeros(3, 1024, dtype=torch.bool)
    orders = torch.stack([torch.randperm(1024) for _ in range(3)])
    for order in (orders[0], orders):
        first, general = first_features(order, 3, B), select(order, nothing, nothing, B)
        assert torch.equal(first.position, general.position)
        assert torch.equal(first.sent, general.sent)


def test_without_requests_the_order_is_sent_piece_by_piece() -> None:
    order = torch.randperm(CODED_FEATURES, generator=torch.Generator().manual_seed(0))
    plan, pieces = Plan.empty(1), []
    for _ in range(4):
        plan = plan.next(order, None, 300)
        assert plan.selection is not None
        pieces += plan.selection.position[0][plan.selection.sent[0]].tolist()
    assert pieces == order.tolist()


def test_a_request_for_what_was_not_sent_is_void() -> None:
    order = torch.arange(CODED_FEATURES)
    full = Plan.empty(1).next(order, None, 1000).next(order, None, 100)
    assert full.selection is not None
    assert full.selection.uses.tolist() == [24]
    nothing_more = full.next(order, torch.ones(1, 100, dtype=torch.bool), 100)
    assert nothing_more.selection is not None
    assert nothing_more.selection.uses.tolist() == [24]


def test_gather_and_spread_are_inverse_where_sent() -> None:
    position = torch.tensor([[3, 1000, 8]])
    chosen = Selection(position, torch.tensor([[True, True, False]]))
    f = torch.randn(1, CODED_FEATURES)
    values = chosen.gather(f)
    assert values.tolist() == [[f[0, 3], f[0, 1000], 0.0]]
    spread = chosen.spread(values)
    assert spread.nonzero().tolist() == [[0, 3], [0, 1000]]
    assert torch.equal(spread.gather(1, position), values)


def test_adding_at_the_positions_equals_adding_the_spread_values_bit_for_bit() -> None:
    generator = torch.Generator().manual_seed(0)
    position = torch.stack([torch.randperm(CODED_FEATURES, generator=generator) for _ in range(9)])
    some = Selection(position[:, :40], torch.rand(9, 40, generator=generator) < 0.8)
    total = torch.zeros(9, CODED_FEATURES)
    for _ in range(3):
        value = torch.randn(9, 40, generator=generator)
        value[0, 0] = -0.0
        value[~some.sent] = torch.nan  # what was not sent counts as 0
        added = some.add_to(total, value)
        expected = total + some.spread(value)
        assert torch.equal(added.view(torch.int32), expected.view(torch.int32))
        total = added


def test_rows_of_a_plan_are_plans_of_their_own() -> None:
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(CODED_FEATURES, generator=generator)
    plan = Plan.empty(5).next(order, None, 40)
    request = torch.rand(5, 40, generator=generator) < 0.5
    rows = torch.tensor([4, 2])
    whole = plan.next(order, request, 40).take(rows)
    part = plan.take(rows).next(order, request[rows], 40)
    assert whole.selection is not None
    assert part.selection is not None
    assert torch.equal(whole.selection.position, part.selection.position)
    assert torch.equal(whole.covered, part.covered)
