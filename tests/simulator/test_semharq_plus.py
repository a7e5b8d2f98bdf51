"""semharq-plus with random networks: what it sends, what goes back, and who pays for it."""

import math

import numpy as np
import pytest
import torch

from phy.channels.fading import Awgn, Rician
from phy.snr import snr_from_db
from phy.streams import Streams
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.plus.network import PlusNetwork
from semantic.plus.schedule import LATENT_FEATURES, burst_plan, burst_sizes
from semantic.tasks import TaskOutputs
from simulator.feedback import ERROR_FREE, FeedbackLink
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.scheme import Payload
from simulator.scheme_arguments import SemharqPlusArguments
from simulator.schemes.semharq_plus import SemharqPlus
from simulator.slots import Slot

G, IMAGES, SLOT = 4, 24, Slot(-4.0, 1e-3, 3e6)


def scheme(
    bits: int = 1, theta_0_db: float = 60.0, undecided: bool = False, bursts: int = 2
) -> SemharqPlus:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = PlusNetwork(20).eval().requires_grad_(False)
        for performer in network.performers.performers:
            performer.weight *= 0 if undecided else 300
            performer.bias *= 0 if undecided else 1
    return SemharqPlus(
        MultiTaskNetwork(20), network, SemharqPlusArguments(theta_0_db, bits, bursts)
    )


def payload(images: int = IMAGES) -> Payload:
    return Payload(
        {"c": torch.randn(images, LATENT_FEATURES, generator=torch.Generator().manual_seed(0))}, {}
    )


def send(
    plus: SemharqPlus,
    slot: Slot = SLOT,
    link: FeedbackLink = ERROR_FREE,
    rows: np.ndarray | None = None,
) -> tuple[TaskOutputs, Ledger]:
    rows = np.arange(IMAGES) if rows is None else rows
    some = payload().take(torch.from_numpy(rows))
    return run_link(plus, some, Rician(), slot, Streams(0, "cell", rows), G, link)


@pytest.mark.parametrize(("bits", "bursts"), [(0, 1), (0, 2), (1, 1), (1, 2), (2, 3)])
def test_slots_of_b_uses_and_estimates_after_each_nack(bits: int, bursts: int) -> None:
    _, ledger = send(scheme(bits, bursts=bursts))
    each = burst_sizes(SLOT.features, bursts if bits else 1)
    count = G * len(each)
    assert (ledger.transmissions == count).all()  # theta_0 is out of reach
    assert (ledger.channel_uses == G * SLOT.features).all()
    snr, sizes = snr_from_db(SLOT.snr_db), each * G
    estimates = [int(burst_plan(snr, sizes[: i + 1], bits).sent.sum()) for i in range(count - 1)]
    assert ledger.feedback_bits.unique().tolist() == [count + bits * sum(estimates)]
    assert (ledger.side_information_bits == 0).all()


def test_acknowledged_after_whole_slots_only() -> None:
    _, ledger = send(scheme(theta_0_db=-20.0))  # sure at once
    assert ledger.transmissions.unique().tolist() == [2]
    assert ledger.channel_uses.unique().tolist() == [SLOT.features]


def test_feedback_brings_the_estimate_nearer() -> None:
    """The point of it: the same uses leave less error, the more so the finer the estimates."""
    c, errors = payload().tensors["c"], []
    for bits in (0, 1, 4):
        plus = scheme(bits, bursts=1)
        tx, rx = plus.start(payload(), SLOT)
        feedback = None
        for transmission in range(G):
            burst, tx = plus.transmit(tx, feedback, SLOT)
            streams = Streams(0, "cell", np.arange(IMAGES)).rows(np.arange(IMAGES), transmission)
            received = Awgn().apply(
                burst.x, torch.ones(1, 1, dtype=torch.complex64), SLOT.no, streams.for_role("noise")
            )
            feedback, rx = plus.receive(rx, received, SLOT)
        first = rx.belief.estimate()[:, :8] - c[:, :8]
        errors.append(float(first.square().mean()))
    assert errors[0] > 1.5 * errors[1] > 1.5 * errors[2]


def test_both_ends_know_the_same_estimates() -> None:
    plus, link, feedback, heard = scheme(2), FeedbackLink(0.02), None, []
    tx, rx = plus.start(payload(), SLOT)
    for transmission in range(2 * G):
        burst, tx = plus.transmit(tx, feedback, SLOT)
        rx = plus.read_header(rx, burst.header)
        assert torch.equal(tx.fed_back_estimate, rx.belief.fed_back_estimate)
        if feedback is not None:
            heard.append(feedback.request_received)
            assert torch.equal(burst.header, feedback.request_received[:, None])
        rows = Streams(1, "cell", np.arange(IMAGES)).rows(np.arange(IMAGES), transmission)
        h, _ = Rician().draw(rows.for_role("fading"), burst.x.shape[1], None)
        received = Rician().apply(burst.x, h, SLOT.no, rows.for_role("noise"))
        answer, rx = plus.receive(rx, received, SLOT)
        feedback = link.carry(answer, rows.for_role("feedback"))
    share = float(torch.stack(heard).double().mean())
    assert 0.1 < share < 0.9  # some were lost, some were not


@pytest.mark.parametrize("link", [ERROR_FREE, FeedbackLink(0.02, 1)])
def test_the_same_bits_in_any_company(link: FeedbackLink) -> None:
    plus = scheme(theta_0_db=1.0)
    whole, ledger = send(plus, link=link)
    assert len(ledger.transmissions.unique()) > 1
    for rows in (np.array([5]), np.array([11, 3])):
        some, mine = send(plus, link=link, rows=rows)
        for name, values in vars(mine).items():
            assert torch.equal(values, getattr(ledger, name)[rows]), name
        for part, values in zip(some, whole, strict=True):
            assert torch.equal(part, values[rows])


@pytest.mark.parametrize("snr_db", [-6.0, 0.0, 5.0])
def test_number_of_transmissions_in_closed_form(snr_db: float) -> None:
    # uniform posteriors and no fading, as SemHARQ's
    plus, slot = scheme(theta_0_db=1.0, undecided=True), Slot(snr_db, 1e-3, 3e6)
    u = sum(math.log(m) for m in (20, 10, 9)) / 3
    expected = math.floor(10**0.1 * (1 + u) / (2 * 10 ** (snr_db / 10))) + 1
    streams = Streams(0, "cell", np.arange(IMAGES))
    _, ledger = run_link(plus, payload(), Awgn(), slot, streams, 64)
    assert ledger.transmissions.unique().tolist() == [2 * expected]


def test_equal_uses_end_where_the_budget_does() -> None:
    slot = Slot(-4.0, 1e-3, 3e6, budget="uses")
    _, ledger = send(scheme(), slot)
    assert (ledger.channel_uses == G * slot.features).all()


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="estimate_bits 9 is not allowed, it must be 0 to 8"):
        SemharqPlusArguments(estimate_bits=9)
    with pytest.raises(ValueError, match="bursts_per_slot 0 is not allowed, it must be 1 to 1024"):
        SemharqPlusArguments(bursts_per_slot=0)
    with pytest.raises(ValueError, match=r"equalizer 'mrcc' is not allowed, .*nearest: 'mrc'"):
        SemharqPlusArguments(equalizer="mrcc")
