"""plus-hybrid with a fitted quantizer: what it sends, what the receiver knows, and what it costs."""

import numpy as np
import pytest
import torch

from phy.channels.fading import Rician
from phy.streams import Streams
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.plus.hybrid import BLOCKS, STAGE_BITS, LatentQuantizer, bits_of, message_of
from semantic.plus.network import PlusNetwork
from semantic.plus.schedule import LATENT_FEATURES, feature_weights
from semantic.tasks import TaskOutputs
from semantic.training.plus import fit_latent_quantizer
from simulator.budget import energy_per_use
from simulator.feedback import ERROR_FREE, FeedbackLink
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.plus_arguments import PlusHybridArguments
from simulator.scheme import Payload
from simulator.schemes.hybrid_state import Estimate, Plans
from simulator.schemes.hybrid_timetable import Timetable
from simulator.schemes.plus_hybrid import PlusHybrid
from simulator.slots import Slot

G, IMAGES, SLOT = 4, 24, Slot(-2.0, 1e-3, 3e6, budget="uses")


@pytest.fixture(scope="module")
def network() -> PlusNetwork:
    """A random network whose quantizer is fitted to its own latent features."""
    s = features(2500, 1)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made = PlusNetwork(20, quantized=True).eval().requires_grad_(False)
    c = made.jsc_encoder(s)
    made.unit_variance.running_mean, made.unit_variance.running_var = c.mean(0), c.var(0)
    fit_latent_quantizer(made, s, 0)
    return made


def features(images: int, seed: int) -> torch.Tensor:
    """s of images that ten numbers describe."""
    axes = torch.randn(10, 1024, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    return torch.sigmoid(torch.randn(images, 10, generator=generator) @ axes)


def scheme(network: PlusNetwork, **arguments: float) -> PlusHybrid:
    """A scheme that never stops early, unless theta_0 is given."""
    given = PlusHybridArguments(**{"theta_0_db": 60.0, **arguments})  # type: ignore[arg-type]
    assert network.quantizer is not None
    left = network.quantizer.variances.double().numpy()
    return PlusHybrid(MultiTaskNetwork(20), network, Plans(Rician(), left, G, given.blocks), given)


def payload(network: PlusNetwork) -> Payload:
    assert network.quantizer is not None
    c = network.encode(features(IMAGES, 2))
    return Payload({"c": c, "index": network.quantizer.quantize(c)})


def send(
    hybrid: PlusHybrid,
    slot: Slot = SLOT,
    link: FeedbackLink = ERROR_FREE,
    rows: np.ndarray | None = None,
) -> tuple[TaskOutputs, Ledger]:
    rows = np.arange(IMAGES) if rows is None else rows
    some = payload(hybrid.network).take(torch.from_numpy(rows))
    return run_link(hybrid, some, Rician(), slot, Streams(0, "cell", rows), G, link)


def estimate_after_all(hybrid: PlusHybrid, slot: Slot) -> tuple[Estimate, torch.Tensor, int]:
    """The receiver's estimate after all bursts, the features, and the blocks that it decoded."""
    content = payload(hybrid.network)
    (tx, rx), feedback, found, decoded = hybrid.start(content, slot), None, [], 0
    whole = Streams(0, "cell", np.arange(IMAGES))
    for number in range(hybrid.transmissions(slot, G)):
        burst, tx = hybrid.transmit(tx, feedback, slot)
        found.append(energy_per_use(burst.x).mean().item())
        rows = whole.rows(np.arange(IMAGES), number)
        h, _ = Rician().draw(rows.for_role("fading"), burst.x.shape[1], None)
        feedback, rx = hybrid.receive(
            rx, Rician().apply(burst.x, h, slot.no, rows.for_role("noise")), slot
        )
        decoded += int(rx.decoded.sum())
        for name in ("block", "bits", "places"):
            assert torch.equal(getattr(tx.progress, name), getattr(rx.progress, name))
    assert found == pytest.approx([1.0] * len(found), rel=1e-4)
    return hybrid.estimate(rx, torch.arange(IMAGES)), content.tensors["c"], decoded


def weighted(error: torch.Tensor) -> float:
    return float((error.square() @ torch.from_numpy(feature_weights()).float()).mean())


def test_a_certain_message_is_its_codeword(network: PlusNetwork) -> None:
    quantizer = network.quantizer
    assert isinstance(quantizer, LatentQuantizer)
    index = payload(network).tensors["index"]
    for blocks in (BLOCKS, [(stage,) for stage in range(len(STAGE_BITS))]):
        total, sent = torch.zeros(IMAGES, LATENT_FEATURES), 0
        for stages in blocks:
            size, sent = 2 ** bits_of(stages), sent + len(stages)
            one = torch.nn.functional.one_hot(message_of(index, stages), size).float()
            found = quantizer.estimate(stages, one)
            total += found.mean
            assert float(found.variance.abs().max()) < 1e-4
            assert torch.allclose(total, quantizer.codeword(index, sent), atol=1e-5)
            even = quantizer.estimate(stages, torch.full((1, size), 1 / size))
            assert float(even.variance.min()) > 0


def test_the_variance_that_each_stage_leaves_is_that_of_the_images(network: PlusNetwork) -> None:
    quantizer = network.quantizer
    assert isinstance(quantizer, LatentQuantizer)
    c, weights = network.encode(features(2000, 4)), torch.from_numpy(feature_weights()).float()
    index, left = quantizer.quantize(c), (quantizer.variances @ weights).tolist()
    assert left == sorted(left, reverse=True)  # every stage leaves less
    for stages, expected in enumerate(left):
        assert weighted(c - quantizer.codeword(index, stages)) == pytest.approx(expected, rel=0.1)
    assert len(left) == len(STAGE_BITS) + 1


@pytest.mark.parametrize("information", [1e-6, 0.05, 0.1, 0.4, 2.0])
@pytest.mark.parametrize("B", [1, 15, 600])
def test_bursts_fill_the_slots(B: int, information: float) -> None:
    table = Timetable.of(B, G, information)
    assert sum(table.sizes) == G * B
    carried = G * B * information  # coded bits are sent if they carry half of the first stage
    assert 0 <= table.digital_uses <= G * B
    assert (table.digital_uses >= table.needed[0]) == (carried >= bits_of(BLOCKS[0][:1]) / 2)
    assert (table.digital_uses == 0) == (carried < bits_of(BLOCKS[0][:1]) / 2)
    assert (table.blocks == BLOCKS) == (carried > 1.1 * bits_of(BLOCKS[0]))
    ends = np.cumsum(table.sizes)[np.array(table.ends_slot)]
    assert ends.tolist() == [B * (slot + 1) for slot in range(G)]
    widths = [table.coded_bits(burst) for burst in range(len(table.sizes))]
    assert widths == sorted(widths)
    assert widths[-1] == 2 * table.digital_uses


@pytest.mark.parametrize("snr_db", [-6.0, 0.0, 8.0])
def test_coded_bits_leave_less_error_than_analog_values_alone(
    network: PlusNetwork, snr_db: float
) -> None:
    slot = Slot(snr_db, 1e-3, 3e6 if snr_db < 8 else 0.3e6, budget="uses")
    errors = []
    for blocks in (0, len(BLOCKS)):
        found, c, decoded = estimate_after_all(scheme(network, blocks=blocks), slot)
        assert (decoded > 0) == (blocks > 0)
        errors.append(weighted(found.mean - c))
        if not blocks:  # the scale of the rest depends on the image, and power control removes it
            assert weighted(found.variance.sqrt()) == pytest.approx(errors[-1], rel=0.5)
    assert errors[1] < 1.05 * errors[0]


def test_few_uses_carry_the_bits_of_one_stage(network: PlusNetwork) -> None:
    slot = Slot(-6.0, 1e-3, 1.6e6, budget="uses")
    hybrid = scheme(network)
    table = hybrid.plans.timetable(slot)
    assert (table.blocks, sum(table.sizes)) == ((BLOCKS[0][:1],), 8 * G)
    found, c, decoded = estimate_after_all(hybrid, slot)
    alone, _, _ = estimate_after_all(scheme(network, blocks=0), slot)
    assert decoded > 0
    assert weighted(found.mean - c) < weighted(alone.mean - c)


def test_one_bit_for_each_burst_with_coded_bits(network: PlusNetwork) -> None:
    hybrid = scheme(network)
    _, ledger = send(hybrid)
    bursts = hybrid.transmissions(SLOT, G)
    assert (ledger.channel_uses == G * SLOT.features).all()
    assert (ledger.transmissions == bursts).all()
    assert (ledger.feedback_bits > bursts).all()
    assert (ledger.feedback_bits < 2 * bursts).all()  # the analog part has ACK/NACK alone
    assert len(ledger.feedback_bits.unique()) > 1  # not all are decoded at the same time
    _, alone = send(scheme(network, blocks=0))
    assert (alone.feedback_bits == alone.transmissions).all()


@pytest.mark.parametrize("link", [ERROR_FREE, FeedbackLink(0.02, 1)])
def test_the_same_bits_in_any_company(network: PlusNetwork, link: FeedbackLink) -> None:
    hybrid = scheme(network, theta_0_db=1.0)
    whole, ledger = send(hybrid, link=link)
    for rows in (np.array([5]), np.array([11, 3])):
        some, mine = send(hybrid, link=link, rows=rows)
        for name, values in vars(mine).items():
            assert torch.equal(values, getattr(ledger, name)[rows]), name
        for part, values in zip(some, whole, strict=True):
            assert torch.equal(part, values[rows])


def test_both_ends_agree_where_feedback_is_lost(network: PlusNetwork) -> None:
    hybrid, link, feedback, lost = scheme(network), FeedbackLink(0.05), None, 0
    tx, rx = hybrid.start(payload(network), SLOT)
    whole = Streams(1, "cell", np.arange(IMAGES))
    for number in range(hybrid.transmissions(SLOT, G)):
        burst, tx = hybrid.transmit(tx, feedback, SLOT)
        rows = whole.rows(np.arange(IMAGES), number)
        h, _ = Rician().draw(rows.for_role("fading"), burst.x.shape[1], None)
        received = Rician().apply(burst.x, h, SLOT.no, rows.for_role("noise"))
        answer, rx = hybrid.receive(hybrid.read_header(rx, burst.header), received, SLOT)
        assert torch.equal(tx.progress.block, rx.progress.block)
        feedback = link.carry(answer, rows.for_role("feedback"))
        assert feedback.request_received is not None
        lost += int((answer.request_bits.bool() & ~feedback.request_received).sum())
    assert lost > 0
