"""The meter: it counts what was sent, and refuses what was not paid for."""

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


@pytest.mark.parametrize("amplitude", [1.02, 2.0, float("nan"), float("inf")])
def test_more_power_than_there_is(amplitude: float) -> None:
    with pytest.raises(ValueError, match="power constraint"):
        # enough uses that no random constellation explains 4 % too much
        Ledger.zeros(2).charge_burst(torch.arange(2), burst([20_000, 20_000], amplitude), SLOT)


def test_less_power_is_allowed_and_booked() -> None:
    ledger = Ledger.zeros(1)
    ledger.charge_burst(torch.arange(1), burst([80], 0.5), SLOT)
    assert ledger.energy.tolist() == pytest.approx([20])


def test_energy_beyond_the_declared_uses() -> None:
    sent = burst([4, 2])
    sent.x[1, 3] = 1e-3
    with pytest.raises(ValueError, match="beyond the channel uses that it declares"):
        Ledger.zeros(2).charge_burst(torch.arange(2), sent, SLOT)


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


def test_join_keeps_the_order_of_the_batches() -> None:
    first, second = Ledger.zeros(2), Ledger.zeros(1)
    first.charge_burst(torch.arange(2), burst([1, 2]), SLOT)
    second.charge_burst(torch.arange(1), burst([3]), SLOT)
    assert Ledger.join([first, second]).channel_uses.tolist() == [1, 2, 3]
