"""What an image may spend: the power constraint, and equal channel uses for every scheme."""

from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from phy.channel import Received
from phy.channels.fading import Rician
from phy.modulation import Modulation
from phy.streams import Streams
from semantic.tasks import TaskOutputs
from simulator.budget import Budget, check_power
from simulator.encoded_dataset import EncodedDataset
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.scheme import Burst, Feedback, Payload, Scheme
from simulator.slots import Slot
from simulator.spec import RunSpec
from simulator.sweeps.sweep import run_spec

G, REQUEST_BITS = 4, 7
SLOT = Slot(0.0, 1e-3, 640e3, "uses")  # 640 uses at 1 bit each: B = 10
LIMIT = G * SLOT.features


@dataclass(frozen=True)
class Waiting:
    """What a receiver has got: y and h of every burst."""

    heard: list[list[Received]]


class Greedy(Scheme):
    """Sends bursts of the sizes it is given and never has enough."""

    def __init__(self, own_rounds: int = G) -> None:
        self.own_rounds = own_rounds
        self.heard: list[list[Received]] = []  # in the order in which images stop

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        return self.own_rounds

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        raise NotImplementedError

    def start(self, payload: Payload, slot: Slot) -> tuple[Tensor, Waiting]:
        sizes = payload.tensors["sizes"]
        return sizes, Waiting([[] for _ in sizes])

    def transmit(self, tx: Tensor, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Tensor]:
        uses, width = tx[:, 0], int(tx[:, 0].max())
        return Burst((torch.arange(width) < uses[:, None]).to(torch.complex64), uses), tx[:, 1:]

    def receive(self, rx: Waiting, received: Received, slot: Slot) -> tuple[Feedback, Waiting]:
        rows = zip(received.y, received.h, strict=True)
        heard = [
            [*old, Received(y, h, received.no)] for old, (y, h) in zip(rx.heard, rows, strict=True)
        ]
        nack = torch.zeros(len(heard), dtype=torch.bool)
        bits = torch.full((len(heard),), REQUEST_BITS)
        return Feedback(nack, None, bits, nack.to(torch.int8)), Waiting(heard)

    def perform(self, rx: Waiting) -> TaskOutputs:
        for heard in rx.heard:
            self.heard.append(heard)
        blank = torch.zeros(len(rx.heard), 1)
        return TaskOutputs(blank, blank, blank, blank)


def send(sizes: list[list[int]], slot: Slot = SLOT, first: int = 0) -> tuple[Greedy, Ledger]:
    scheme = Greedy(len(sizes[0]))
    streams = Streams(0, "cell", np.arange(first, first + len(sizes)))
    payload = Payload({"sizes": torch.tensor(sizes)})
    _, ledger = run_link(scheme, payload, Rician(), slot, streams, G)
    return scheme, ledger


def test_exact_costs_with_equal_uses() -> None:
    assert (SLOT.uses, LIMIT) == (10, 40)
    sizes = [[10] * 4, [25] * 4, [100] * 4, [5] * 4, [40] * 4, [0] * 4]
    _, ledger = send(sizes)
    assert ledger.channel_uses.tolist() == [40, 40, 40, 20, 40, 0]
    assert ledger.energy.tolist() == [40, 40, 40, 20, 40, 0]
    assert ledger.transmissions.tolist() == [4, 2, 1, 4, 1, 0]
    assert ledger.slots.tolist() == [4, 3 + 2, 4, 4, 4, 0]
    assert ledger.latency_s.tolist() == pytest.approx([4e-3, 5e-3, 4e-3, 4e-3, 4e-3, 0])
    # an answer that is not heeded asks for nothing: G_max is reached or the budget is spent
    asked = [3, 1, 0, 3, 0, 3]
    sent = ledger.transmissions.tolist()
    assert ledger.feedback_bits.tolist() == [
        n + REQUEST_BITS * k for n, k in zip(sent, asked, strict=True)
    ]


def test_with_equal_rounds_nothing_is_cut() -> None:
    _, ledger = send([[10] * 4, [25] * 4, [1000] * 4], replace(SLOT, budget="slots"))
    assert ledger.channel_uses.tolist() == [40, 100, 4000]
    assert ledger.transmissions.tolist() == [4, 4, 4]
    assert ledger.slots.tolist() == [4, 4, 8]  # T W = 640


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 50), min_size=G, max_size=G), min_size=1, max_size=5))
def test_what_is_admitted_is_the_start_of_what_was_wanted(sizes: list[list[int]]) -> None:
    _, ledger = send(sizes)
    for row, wanted in enumerate(sizes):
        totals = list(accumulate(wanted))
        rounds = next((j for j, total in enumerate(totals, 1) if total >= LIMIT), G)
        assert ledger.channel_uses[row] == min(totals[-1], LIMIT)
        assert ledger.transmissions[row] == sum(size > 0 for size in wanted[:rounds])


def test_the_tail_of_a_cut_burst_is_not_heard() -> None:
    scheme, _ = send([[25, 25, 25, 25]])
    free, _ = send([[25, 25, 25, 25]], replace(SLOT, budget="slots"))
    first, second = scheme.heard[0]
    whole, cut = free.heard[0][:2]
    assert torch.equal(first.y, whole.y)
    assert torch.equal(first.h, whole.h)
    assert torch.equal(second.y[:15], cut.y[:15])  # the same fading and noise in both modes
    assert torch.equal(second.h[:15], cut.h[:15])
    assert (second.h[15:] == 0).all()
    assert (second.y[15:] == 0).all()
    assert (cut.h[15:].abs() > 0).all()


@pytest.mark.parametrize("name", ["bpsk", "qpsk", "16qam", "64qam"])
def test_what_is_not_heard_has_no_llr(name: str) -> None:
    bits = torch.randint(0, 2, (2, 24), generator=torch.Generator().manual_seed(0))
    modulation = Modulation(name)
    x = modulation.map(bits.to(torch.uint8))
    width = x.shape[1]
    burst = Burst(x, torch.full((2,), width))
    budget = Budget(1, width)
    admitted = budget.admit(burst, torch.tensor([0, width - 3]))
    assert admitted.uses.tolist() == [width, 3]
    assert torch.equal(admitted.x[1, :3], x[1, :3])
    assert (admitted.x[1, 3:] == 0).all()
    noisy = Received(admitted.x + 0.3, torch.ones_like(x), torch.full((1, 1), 0.1))
    heard = budget.limit_received(noisy, admitted)
    llr = modulation.demap(*heard).view(2, width, -1)
    assert (llr[1, 3:] == 0).all()
    assert (llr[0] != 0).all()
    assert (llr[1, :3] != 0).all()


def test_images_that_have_spent_their_budget_leave_alone() -> None:
    sizes = [[10] * 4, [100] * 4, [13, 2, 30, 9], [25] * 4]
    _, together = send(sizes)
    alone = Ledger.join([send([row], first=i)[1] for i, row in enumerate(sizes)])
    for name, values in vars(together).items():
        assert torch.equal(values, getattr(alone, name)), name


def test_the_end_of_a_budget() -> None:
    spent = torch.tensor([0, 39, 40])
    assert Budget(4, 40).used_up(1, spent).tolist() == [False, False, True]
    assert Budget(4).used_up(3, spent).tolist() == [False] * 3
    assert Budget(4).used_up(4, spent).tolist() == [True] * 3
    assert Budget.of(SLOT, 3, 3) == Budget(3, 30)
    assert Budget.of(replace(SLOT, budget="slots"), 3, 3) == Budget(3, None)


def test_a_scheme_of_more_rounds_has_no_more_uses() -> None:
    assert Budget.of(SLOT, 3, 100) == Budget(100, 30)
    assert Budget.of(SLOT, 3, 1) == Budget(1, 30)
    _, ledger = send([[7] * 10])
    assert ledger.channel_uses.tolist() == [LIMIT]
    assert ledger.transmissions.tolist() == [6]
    _, ledger = send([[7] * 10], replace(SLOT, budget="slots"))
    assert ledger.channel_uses.tolist() == [70]


def burst(uses: list[int], amplitude: float = 1.0) -> Burst:
    """Constant-envelope symbols on the declared uses."""
    declared = torch.tensor(uses)
    return Burst(
        amplitude * (torch.arange(max(uses)) < declared[:, None]).to(torch.complex64), declared
    )


@pytest.mark.parametrize("amplitude", [1.02, 2.0, float("nan"), float("inf")])
def test_more_power_than_there_is(amplitude: float) -> None:
    with pytest.raises(ValueError, match="power constraint"):
        # enough uses that no random constellation explains 4 % too much
        Budget(4).admit(burst([20_000, 20_000], amplitude), torch.zeros(2))
    check_power(burst([20_000, 20_000]))


def test_a_burst_is_judged_before_it_is_cut() -> None:
    # loud at first, silent later: its average is right, that of its start alone is not
    x = torch.cat([torch.full((1, 5000), 2**0.5), torch.zeros(1, 5000)], 1).to(torch.complex64)
    admitted = Budget(4, 5000).admit(Burst(x, torch.tensor([10_000])), torch.zeros(1).long())
    assert admitted.uses.tolist() == [5000]


def test_energy_beyond_the_declared_uses() -> None:
    sent = burst([4, 2])
    sent.x[1, 3] = 1e-3
    with pytest.raises(ValueError, match="beyond the channel uses that it declares"):
        Budget(4).admit(sent, torch.zeros(2))


@pytest.mark.integration
def test_no_scheme_spends_more(tiny_weights: Path, folder_data: Path) -> None:
    spec = RunSpec(
        schemes=("semharq", "jpeg-ldpc-16qam-harq", "jpeg-ldpc-bpsk", "perfect"),
        snr_db=(-6.0, 8.0, 30.0),
        channel="awgn",
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=8e6,
        images=10,
        budget="uses",
        device="cpu",
    )
    images = run_spec(spec).images
    for snr_db, rows in images.groupby("snr_db"):
        slot = spec.slot(float(snr_db))
        assert (rows["channel_uses"] <= 4 * slot.features).all()
        assert (rows["slots"] >= rows["channel_uses"] / slot.features).all()
    digital = images[images["scheme"].str.startswith("jpeg")]
    assert (digital["information_bits"] > 0).all()
    holds = digital["stopped_by"] == "CRC holds"
    assert 0 < holds.sum() < len(digital)  # or one of the two cases is not seen
    assert (digital["delivered_bits"] == digital["information_bits"].where(holds, 0)).all()
    low = digital[digital["snr_db"] == -6.0]
    assert (low["channel_uses"] == 4 * spec.slot(-6.0).features).all()  # cut to the last use
    analog = images[~images["scheme"].str.startswith("jpeg")]
    assert (analog[["information_bits", "delivered_bits"]] == 0).all(None)
    semantic = images[images["scheme"] == "semharq"]
    free = run_spec(replace(spec, schemes=("semharq",), budget="slots")).images
    same = [name for name in free if name != "slots"]
    assert free[same].equals(semantic[same].reset_index(drop=True))  # one feature a use: never cut
