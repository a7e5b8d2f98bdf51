"""SemHARQ's protocol with random networks: what it may send, when it stops, what it costs."""

import math

import numpy as np
import pytest
import torch
from random_links import IDENTITIES, IMAGES, random_link, send, slot_at

from phy.channel import Received
from phy.channels.fading import Awgn, Rician
from phy.snr import snr_from_db
from phy.streams import Streams
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.link.stopping import StoppingCriterion
from semantic.tasks import TaskOutputs
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.scheme_arguments import SemanticHarqArguments
from simulator.schemes.iq_mapping import demap_iq, map_iq
from simulator.schemes.semantic_harq import SemanticHarq

SEMHARQ, IK = PROTOCOLS["semharq"], PROTOCOLS["ik-s-harq"]


CLASSES = (IDENTITIES, 10, 9)


@pytest.fixture(scope="module")
def encoder() -> MultiTaskNetwork:
    return MultiTaskNetwork(IDENTITIES)  # never asked: s is given


def test_transmissions_are_bounded_and_fall_with_snr(encoder: MultiTaskNetwork) -> None:
    scheme = SemanticHarq(encoder, random_link(), SEMHARQ)
    means = []
    for snr_db in (-6.0, -2.0, 2.0, 8.0):
        _, ledger = send(scheme, slot_at(snr_db), most=6)
        assert ledger.transmissions.min() >= 1
        assert ledger.transmissions.max() <= 6
        gave_up = ledger.reason == 0
        assert (ledger.transmissions[gave_up] == 6).all()
        means.append(float(ledger.transmissions.double().mean()))
    assert means == sorted(means, reverse=True)
    assert means[0] > 2 * means[-1]


@pytest.mark.parametrize("theta_0_db", [1.0, -3.0, 4.0])
@pytest.mark.parametrize("snr_db", [-6.0, 0.0, 5.0])
def test_number_of_transmissions_in_closed_form(
    encoder: MultiTaskNetwork, snr_db: float, theta_0_db: float
) -> None:
    # uniform posteriors: U = mean of log M_k; no fading: SNR_r = 2 SNR j after j transmissions
    scheme = SemanticHarq(
        encoder, random_link(undecided=True), SEMHARQ, SemanticHarqArguments(theta_0_db=theta_0_db)
    )
    u = sum(math.log(m) for m in CLASSES) / 3
    needed = snr_from_db(theta_0_db) * (1 + u)  # U < log M: the other bound does not bite
    assert u < math.log(sum(CLASSES))
    expected = math.floor(needed / (2 * snr_from_db(snr_db))) + 1
    _, ledger = send(scheme, slot_at(snr_db), most=64, channel=Awgn())
    assert ledger.transmissions.unique().tolist() == [expected]
    assert ledger.reason.unique().tolist() == [1]


def test_target_is_bounded_by_the_number_of_classes() -> None:
    # one task of 400 classes, uniform, two of one class: U = log(400) / 3 < log(402), so theta (1+U)
    few = TaskOutputs(torch.zeros(1, 4), torch.zeros(1, 400), torch.zeros(1, 1), torch.zeros(1, 1))
    assert StoppingCriterion(2.0).target(few).item() == pytest.approx(2 * (1 + math.log(400) / 3))
    # the total over all tasks is never less than the mean entropy allows; certain: U = 0
    sure = few._replace(vehicle=torch.zeros(1, 400).index_fill(1, torch.tensor([3]), 500.0))
    assert StoppingCriterion(2.0).target(sure).item() == pytest.approx(2.0)


def test_images_that_stopped_early_meet_the_criterion(encoder: MultiTaskNetwork) -> None:
    scheme = SemanticHarq(encoder, random_link(), SEMHARQ)
    snr_db = -2.0
    outputs, ledger = send(scheme, slot_at(snr_db), most=20, channel=Awgn())
    receive_snr = 2 * snr_from_db(snr_db) * ledger.transmissions
    assert isinstance(scheme.stopping, StoppingCriterion)
    target = scheme.stopping.target(outputs)
    assert (ledger.reason == 1).all()
    assert (receive_snr > target).all()
    assert len(ledger.transmissions.unique()) > 1  # or this says nothing


def test_a_nack_costs_one_bit_and_one_per_feature_that_the_receiver_chooses(
    encoder: MultiTaskNetwork,
) -> None:
    slot = slot_at(-6.0)
    _, ledger = send(SemanticHarq(encoder, random_link(), SEMHARQ), slot, most=3)
    n = ledger.transmissions
    assert ledger.feedback_bits.tolist() == (n + (n - 1) * slot.features).tolist()
    assert ledger.channel_uses.tolist() == (n * slot.features).tolist()
    assert ledger.energy.tolist() == pytest.approx((n * slot.features).tolist(), rel=1e-4)
    _, ledger = send(SemanticHarq(encoder, random_link(detector=None), IK), slot, most=3)
    assert torch.equal(ledger.feedback_bits, ledger.transmissions)


@pytest.mark.parametrize("snr_db", [-6.0, -2.0])  # B is 101 and 220: odd and even
def test_two_features_on_a_use_halve_the_uses(encoder: MultiTaskNetwork, snr_db: float) -> None:
    slot = slot_at(snr_db)
    _, one = send(SemanticHarq(encoder, random_link(), SEMHARQ), slot, most=1)
    _, two = send(
        SemanticHarq(encoder, random_link(), SEMHARQ, SemanticHarqArguments(features_per_use=2)),
        slot,
        most=1,
    )
    assert (one.channel_uses == slot.features).all()
    assert (two.channel_uses == math.ceil(slot.features / 2)).all()
    assert torch.allclose(two.energy, two.channel_uses.double(), rtol=1e-4)


@pytest.mark.parametrize("features_per_use", [1, 2])
@pytest.mark.parametrize("B", [8, 7])
def test_matched_filter_is_unbiased_with_the_weight_as_its_snr(
    features_per_use: int, B: int
) -> None:
    generator = torch.Generator().manual_seed(B)
    rows, no = 4000, 0.8

    def circular(width: int) -> torch.Tensor:
        return torch.complex(*torch.randn(2, rows, width, generator=generator)) * 0.5**0.5

    feature = torch.randn(rows, B, generator=generator)  # unit average power each
    x = map_iq(feature / features_per_use**0.5, features_per_use)
    assert x.shape[1] == -(-B // features_per_use)
    h = circular(x.shape[1])
    y = h * x + no**0.5 * circular(x.shape[1])
    matched, weight = demap_iq(Received(y, h, torch.full((1, 1), no)), B, features_per_use)
    # eq. 17: one feature on a use has SNR 2 |h|^2 P / sigma^2; two share it
    expected = (2 / features_per_use * h.abs().square() / no).repeat_interleave(features_per_use, 1)
    assert torch.allclose(weight, expected[:, :B], rtol=1e-5)
    unit = ((matched / weight - feature) * weight.sqrt()).double()
    n = unit.numel()
    assert abs(unit.mean()) < 4 / n**0.5
    assert abs(unit.square().mean() - 1) < 4 * (2 / n) ** 0.5


@pytest.mark.parametrize("buffer", ["combine", "concatenate"])
def test_both_ends_have_the_same_plan(encoder: MultiTaskNetwork, buffer: str) -> None:
    scheme = SemanticHarq(
        encoder, random_link(buffer), SEMHARQ, SemanticHarqArguments(theta_0_db=60.0)
    )
    slot = slot_at(0.0)
    tx, rx = scheme.start(scheme.payload(torch.rand(5, 1024), np.arange(5)), slot)
    feedback, asked = None, torch.zeros(5, dtype=torch.int64)
    for j in range(5):
        burst, tx = scheme.transmit(tx, feedback, slot)
        streams = Streams(0, "cell", np.arange(5), transmission=j)
        h, _ = Rician().draw(streams.for_role("fading"), burst.x.shape[1], None)
        received = Rician().apply(burst.x, h, slot.no, streams.for_role("noise"))
        feedback, rx = scheme.receive(rx, received, slot)
        assert torch.equal(tx.plan.covered, rx.plan.covered)
        assert torch.equal(tx.plan.selection.position, rx.plan.selection.position)
        assert torch.equal(tx.plan.selection.sent, rx.plan.selection.sent)
        assert feedback.request is not None
        assert feedback.request.shape == (5, slot.features)
        if j:  # what was asked for goes first
            repeated = before.gather(1, tx.plan.selection.position)  # noqa: F821
            assert torch.equal(repeated.sum(1), asked)
            assert (repeated.int().diff(dim=1) <= 0).all()
        before, asked = tx.plan.covered, feedback.request.sum(1)  # noqa: F841


def test_requests_follow_the_threshold(encoder: MultiTaskNetwork) -> None:
    slot = slot_at(0.0)
    ratios = []
    for threshold in (0.0, 0.5, 1.0):
        link = random_link()
        link.threshold.fill_(threshold)
        scheme = SemanticHarq(
            encoder, link, SEMHARQ, SemanticHarqArguments(theta_0_db=60.0)
        )  # no ACK
        s = torch.rand(5, 1024, generator=torch.Generator().manual_seed(0))
        tx, rx = scheme.start(scheme.payload(s, np.arange(5)), slot)
        burst, _ = scheme.transmit(tx, None, slot)
        y = burst.x
        feedback, _ = scheme.receive(rx, Received(y, torch.ones_like(y), torch.ones(1, 1)), slot)
        assert feedback.request is not None
        ratios.append(float(feedback.request.double().mean()))
    assert ratios[0] == 1
    assert 0 < ratios[1] < 1
    assert ratios[2] == 0


@pytest.mark.parametrize("fading", ["fast", "block"])
@pytest.mark.parametrize("features_per_use", [1, 2])
def test_the_same_bits_in_any_company(
    encoder: MultiTaskNetwork, features_per_use: int, fading: str
) -> None:
    scheme = SemanticHarq(
        encoder, random_link(), SEMHARQ, SemanticHarqArguments(features_per_use=features_per_use)
    )
    slot = slot_at(-6.0)  # B = 101: rows do not begin where vector instructions do
    s = torch.rand(IMAGES, 1024, generator=torch.Generator().manual_seed(0))

    def walk(rows: np.ndarray) -> tuple[TaskOutputs, Ledger]:
        streams = Streams(0, "cell", rows)
        channel = Rician(2.0, fading)
        return run_link(scheme, scheme.payload(s[rows], rows), channel, slot, streams, 8)

    whole, ledger = walk(np.arange(IMAGES))
    for rows in (np.array([5]), np.array([20, 3, 11])):
        some, mine = walk(rows)
        for name, values in vars(mine).items():
            assert torch.equal(values, getattr(ledger, name)[rows]), name
        for part, values in zip(some, whole, strict=True):
            assert torch.equal(part, values[rows])


@pytest.mark.parametrize("features_per_use", [0, 3])
def test_impossible_iq_mapping(features_per_use: int) -> None:
    with pytest.raises(ValueError, match="must be 1 or 2"):
        SemanticHarq(
            encoder,
            random_link(),
            SEMHARQ,
            SemanticHarqArguments(features_per_use=features_per_use),
        )
