"""The meter: it counts what was sent, heard, asked for and understood."""

import pytest
import torch

from simulator.ledger import Ledger
from simulator.scheme import Burst, Feedback
from simulator.slots import Slot

SLOT = Slot(0.0, 1e-3, 100e3)  # 100 channel uses


def burst(uses: list[int], amplitude: float = 1.0, width: int | None = None) -> Burst:
    """Constant-envelope symbols on the declared uses."""
    declared = torch.tensor(uses)
    places = torch.arange(max(uses) if width is None else width)
    return Burst(amplitude * (places < declared[:, None]).to(torch.complex64), declared)


def answer(ack: list[bool], bits: int = 0) -> Feedback:
    told = torch.tensor(ack)
    return Feedback(told, None, torch.full((len(ack),), bits), 1 - told.to(torch.int8))


def test_counts_of_bursts() -> None:
    ledger = Ledger.zeros(4)
    everyone = torch.arange(4)
    ledger.charge_burst(everyone, burst([100, 40, 0, 250]), SLOT)
    ledger.charge_burst(torch.tensor([1, 3]), burst([60, 100]), SLOT)
    assert ledger.transmissions.tolist() == [1, 2, 0, 2]
    assert ledger.channel_uses.tolist() == [100, 100, 0, 350]
    assert ledger.slots.tolist() == [1, 2, 0, 4]  # 250 uses take three slots of 100
    assert ledger.energy.tolist() == pytest.approx([100, 100, 0, 350])
    assert ledger.latency_s.tolist() == pytest.approx([1e-3, 2e-3, 0, 4e-3])


def test_the_input_of_the_channel_is_handed_on_as_it_is() -> None:
    sent = burst([5, 3])
    assert Ledger.zeros(2).charge_burst(torch.arange(2), sent, SLOT) is sent.x


def test_less_power_is_allowed_and_booked() -> None:
    ledger = Ledger.zeros(1)
    ledger.charge_burst(torch.arange(1), burst([80], 0.5), SLOT)
    assert ledger.energy.tolist() == pytest.approx([20])


def test_uses_that_are_declared_but_silent_are_paid_for() -> None:
    ledger = Ledger.zeros(1)
    ledger.charge_burst(torch.arange(1), Burst(burst([3], width=9).x, torch.tensor([9])), SLOT)
    assert ledger.channel_uses.tolist() == [9]


def test_feedback_is_one_bit_and_a_heeded_nack_its_request() -> None:
    ledger = Ledger.zeros(3)
    ledger.charge_burst(torch.arange(3), burst([10, 10, 0]), SLOT)
    ledger.charge_feedback(torch.arange(3), answer([True, False, False], bits=10), False, 7)
    # nothing was sent to the third image: there is nothing to answer, only what it asks for
    assert ledger.feedback_bits.tolist()[:2] == [1, 11]
    assert ledger.side_information_bits.tolist() == [7, 7, 7]
    assert ledger.reason.tolist() == [0, 1, 1]
    ledger.charge_feedback(
        torch.tensor([1]), answer([False], bits=10), last=True, side_information_bits=7
    )
    assert ledger.feedback_bits.tolist()[1] == 12  # the last answer asks for nothing
    assert ledger.side_information_bits.tolist() == [7, 14, 7]


def test_nothing_sent_nothing_answered() -> None:
    ledger = Ledger.zeros(1)
    ledger.charge_burst(torch.arange(1), burst([0], width=0), SLOT)
    ledger.charge_feedback(torch.arange(1), answer([True]), True, 0)
    assert ledger.feedback_bits.tolist() == [0]
    assert ledger.transmissions.tolist() == [0]


@pytest.mark.parametrize("pilots", [0, 3, 30])
def test_pilots_are_counted_and_take_time(pilots: int) -> None:
    ledger = Ledger.zeros(4)
    asked: list[int] = []

    def pilot_uses(uses: int) -> int:
        asked.append(uses)
        return pilots

    everyone = torch.arange(4)
    ledger.charge_burst(everyone, burst([100, 70, 0, 100]), SLOT, pilot_uses)
    assert asked == [70, 100]  # once for each size, and not for silence
    assert ledger.pilot_uses.tolist() == [pilots, pilots, 0, pilots]
    assert ledger.channel_uses.tolist() == [100, 70, 0, 100]
    assert ledger.energy.tolist() == [100, 70, 0, 100]
    full = 1 if pilots == 0 else 2
    assert ledger.slots.tolist() == [full, 1, 0, full]
    assert ledger.latency_s.tolist() == pytest.approx([1e-3 * full, 1e-3, 0, 1e-3 * full])


def test_pilots_take_what_b_uses_leave_of_the_slot() -> None:
    slot = Slot(0.0, 1e-3, 640e3, "uses")  # B = 10 of 640 uses
    ledger = Ledger.zeros(2)
    ledger.charge_burst(torch.arange(2), burst([10, 25]), slot, lambda uses: 630)
    assert ledger.slots.tolist() == [1, 3]


@pytest.mark.parametrize("pilots", [-1, 2.5, None])
def test_pilots_are_a_count(pilots: int) -> None:
    with pytest.raises(ValueError, match=rf"pilot_uses\(4\) is {pilots}, not a count"):
        Ledger.zeros(1).charge_burst(torch.arange(1), burst([4]), SLOT, lambda uses: pilots)


def test_delivered_bits_are_the_right_ones_among_the_accepted() -> None:
    truth = torch.tensor([0, 1, 1, 0, 1])
    wrong = torch.tensor([0, 1, 0, 0, 1])
    ledger = Ledger.zeros(6)
    accepted = [truth, wrong, truth[:0], truth[:3], wrong[:3]]  # whole, undetected error, nothing
    ledger.count_bits(torch.tensor([5, 0, 1, 2, 3]), [truth] * 5, accepted)
    assert ledger.information_bits.tolist() == [5, 5, 5, 5, 0, 5]
    assert ledger.delivered_bits.tolist() == [0, 0, 3, 0, 0, 5]


def test_analog_schemes_have_no_bits() -> None:
    ledger = Ledger.zeros(2)
    ledger.count_bits(torch.arange(2), None, None)
    assert ledger.information_bits.tolist() == ledger.delivered_bits.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("offered", "accepted", "problem"),
    [
        (1, None, "must give offered"),
        (None, 1, "must give offered"),
        (2, 1, "for every image"),
        (1, 2, "for every image"),
    ],
)
def test_a_scheme_says_both_or_neither(
    offered: int | None, accepted: int | None, problem: str
) -> None:
    bits = [torch.ones(3), torch.ones(3)]
    given = [None if count is None else bits[:count] for count in (offered, accepted)]
    with pytest.raises(ValueError, match=problem):
        Ledger.zeros(1).count_bits(torch.arange(1), *given)


def test_more_accepted_than_offered() -> None:
    with pytest.raises(ValueError, match="accepts 4 bits, 3 were offered"):
        Ledger.zeros(1).count_bits(torch.arange(1), [torch.ones(3)], [torch.ones(4)])


def test_join_keeps_the_order_of_the_batches() -> None:
    first, second = Ledger.zeros(2), Ledger.zeros(1)
    first.charge_burst(torch.arange(2), burst([1, 2]), SLOT)
    second.charge_burst(torch.arange(1), burst([3]), SLOT)
    assert Ledger.join([first, second]).channel_uses.tolist() == [1, 2, 3]
