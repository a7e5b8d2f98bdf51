"""digital-vq: what arrives, what it costs, and what the receiver makes of what does not arrive."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from phy.channels.fading import Awgn, Rician
from phy.modulation import Modulation
from phy.streams import Streams
from semantic.tasks import TaskOutputs, TaskPerformers
from semantic.training.labels import Labels
from semantic.training.vq import train_vq
from semantic.vq.network import VqNetwork
from semantic.weights.vq import load_vq, save_vq
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.scheme_arguments import DigitalVqArguments
from simulator.schemes.digital_vq import DigitalVq
from simulator.schemes.vq_layout import Layout
from simulator.schemes.vq_planner import Planner
from simulator.setup.networks import Networks
from simulator.setup.schemes import build_scheme
from simulator.slots import Slot
from simulator.spec import RunSpec

IMAGES, VEHICLES, G = 48, 12, 4
STAGE_BITS = (4, 3, 3, 3, 3)


def some_s(images: int = 240, seed: int = 0) -> tuple[Tensor, Labels]:
    """Outputs of an encoder that sees the vehicle and little else."""
    generator = torch.Generator().manual_seed(seed)
    vehicle = torch.arange(images) % VEHICLES
    of_vehicle = torch.rand(VEHICLES, 1024, generator=torch.Generator().manual_seed(9))
    s = of_vehicle[vehicle] + 0.2 * torch.rand(images, 1024, generator=generator)
    return s, Labels(vehicle, vehicle % 3, vehicle % 4)


@pytest.fixture(scope="module")
def network() -> VqNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = VqNetwork(TaskPerformers(VEHICLES).eval(), STAGE_BITS, 8)
    network.requires_grad_(False)
    train_vq(network, *some_s(), 0, lambda stage, terms: None)
    return network


def scheme_of(
    network: VqNetwork, channel: Awgn | Rician | None = None, **given: object
) -> DigitalVq:
    accuracy = tuple(network.accuracy.tolist())
    arguments = DigitalVqArguments().given(given)
    planner = Planner(channel or Awgn(), arguments, network.stage_bits, accuracy, G)
    return DigitalVq(network, planner)


def slot_of(snr_db: float, features: int, budget: str = "uses") -> Slot:
    """A slot of B features."""
    bandwidth = (features + 0.5) * 64e3 / np.log2(1 + 10 ** (snr_db / 10))
    slot = Slot(snr_db, 1e-3, float(bandwidth), budget)
    assert slot.features == features
    return slot


def send(
    scheme: DigitalVq, slot: Slot, images: slice = slice(0, IMAGES)
) -> tuple[TaskOutputs, Ledger]:
    payload = scheme.payload(some_s(IMAGES, 1)[0][images])
    streams = Streams(0, "cell", np.arange(IMAGES)[images])
    return run_link(scheme, payload, scheme.planner.channel, slot, streams, G)


@pytest.mark.parametrize("code", ["ml", "polar"])
def test_at_high_snr_the_tasks_get_the_quantized_vector(network: VqNetwork, code: str) -> None:
    slot = slot_of(20.0, 40)
    scheme = scheme_of(network, code=code, theta_0_db=25.0)
    outputs, ledger = send(scheme, slot)
    index = network.quantizer.quantize(network.task_vector(some_s(IMAGES, 1)[0]))
    expected = network.decode(network.quantizer.reconstruct(index))[1]
    for got, wanted in zip(outputs, expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)
    assert (ledger.information_bits == sum(STAGE_BITS)).all()
    assert torch.equal(ledger.delivered_bits, ledger.information_bits)


@pytest.mark.parametrize("budget", ["uses", "slots"])
def test_a_transmission_has_b_uses_and_one_bit_of_feedback(network: VqNetwork, budget: str) -> None:
    _, ledger = send(scheme_of(network), slot_of(-2.0, 17, budget))
    assert (ledger.transmissions > 1).any()
    assert torch.equal(ledger.channel_uses, 17 * ledger.transmissions)
    assert torch.equal(ledger.feedback_bits, ledger.transmissions)
    assert (ledger.side_information_bits == 0).all()


@pytest.mark.parametrize("modulation", ["adaptive", "16qam"])
def test_company_changes_no_number(network: VqNetwork, modulation: str) -> None:
    scheme, slot = scheme_of(network, Rician(), modulation=modulation), slot_of(-3.0, 9)
    together, costs = send(scheme, slot)
    for part in (*(slice(i, i + 1) for i in range(0, IMAGES, 7)), slice(3, 6), slice(5, 17)):
        alone, its_costs = send(scheme, slot, part)
        for all_rows, rows in zip(together, alone, strict=True):
            assert torch.equal(all_rows[part], rows)
        for field in fields(Ledger):
            whole = getattr(costs, field.name)
            assert torch.equal(whole[part], getattr(its_costs, field.name)), field.name


def test_soft_decoding_is_nearer_than_hard_decoding_and_than_nothing(network: VqNetwork) -> None:
    scheme, slot = scheme_of(network, code="ml"), slot_of(-6.0, 8)
    s, _ = some_s(IMAGES, 1)
    x = network.task_vector(s)
    tx, rx = scheme.start(scheme.payload(s), slot)
    streams = Streams(0, "cell", np.arange(IMAGES))
    for transmission in range(2):
        burst, tx = scheme.transmit(tx, None, slot)
        rows = streams.rows(np.arange(IMAGES), transmission)
        h, _ = Awgn().draw(rows.for_role("fading"), burst.x.shape[1], None)
        _, rx = scheme.receive(rx, Awgn().apply(burst.x, h, slot.no, rows.for_role("noise")), slot)
    layout = scheme.planner.layout(slot)
    first, end = layout.bit_range(0)
    wrong = (rx.bits != tx.bits)[:, first:end].any(1)
    assert 0 < int(wrong.sum()) < IMAGES
    assert (rx.confidence[wrong, 0].mean() < rx.confidence[~wrong, 0].mean()).all()
    stages = layout.blocks[0]
    powers = [2 ** torch.arange(b - 1, -1, -1) for b in STAGE_BITS[: len(stages)]]
    digits = rx.bits[:, first:end].long().split([len(p) for p in powers], 1)
    index = torch.stack([(d * p).sum(1) for d, p in zip(digits, powers, strict=True)], 1)
    hard = network.quantizer.reconstruct(index)
    error = [float((x - v).square().sum()) for v in (rx.part.sum(1), hard, torch.zeros_like(x))]
    assert error[0] < min(error[1:])


def test_confidence_delays_the_ack(network: VqNetwork) -> None:
    slot = slot_of(1.0, 6)
    early, late = (
        send(scheme_of(network, confidence=c, theta_0_db=-20.0), slot)[1].transmissions
        for c in (0.0, 0.999)
    )
    assert (early == 1).all()
    assert (late >= early).all()
    assert (late > early).any()


def test_more_snr_and_more_uses_carry_more_bits(network: VqNetwork) -> None:
    planner = scheme_of(network).planner
    carried = [
        planner.layout(slot_of(snr_db, features)).started_bits(2)
        for snr_db, features in ((-6.0, 6), (-2.0, 12), (3.0, 20))
    ]
    assert carried == sorted(carried)
    assert carried[0] < carried[-1]
    assert all(
        0 <= planner.value(planner.layout(slot_of(0.0, 9)), slot_of(0.0, 9), n) <= 1 for n in (1, 4)
    )


def test_a_repeated_polar_code_is_valued_as_one_of_more_snr(network: VqNetwork) -> None:
    """Further slots repeat its bits, which lowers no rate: 16 + 6 bits in 4 uses of 64-QAM."""
    planner, slot = scheme_of(network).planner, slot_of(6, 4)
    layout = Layout("polar", "64qam", 4, 1, 1, len(STAGE_BITS), STAGE_BITS)
    rates = [planner.block_error_rate(layout, slot, 0, 24 * slots) for slots in (1, 2, 4)]
    assert rates[0] >= rates[1] >= rates[2] > 0.9  # a code of 16 uses would have nearly 0
    more = replace(slot, snr_db=6 + 20 * float(np.log10(2)))
    assert planner.block_error_rate(layout, more, 0, 24) == pytest.approx(rates[2])
    decoder, words = scheme_of(network).decoder, torch.randint(2, (200, 16)).to(torch.uint8)
    parts = [decoder.encode(layout, layout.segments(slots)[0], words) for slots in range(4)]
    x, no = Modulation("64qam").map(torch.cat(parts, 1)), slot.no
    y = x + (no / 2) ** 0.5 * torch.complex(*torch.randn(2, *x.shape))
    found = decoder.decode(layout, 0, Modulation("64qam").demap(y, torch.ones_like(y), no))
    assert found.confidence.mean() < 0.4  # the share of CRCs that hold, by chance as well


@pytest.mark.parametrize("blocks", [1, 2, 3])
@pytest.mark.parametrize("period", [1, 2, 3])
def test_a_layout_sends_every_coded_bit_once_and_in_order(period: int, blocks: int) -> None:
    layout = Layout("ml", "16qam", 13, period, blocks, 2, STAGE_BITS)
    assert [bit for block in layout.blocks for bit in block] == [*range(len(STAGE_BITS))]
    seen: dict[int, int] = {}
    for transmission in range(9):
        segments = layout.segments(transmission)
        assert sum(segment.count for segment in segments) == 13 * 4
        for segment in segments:
            assert segment.first == seen.get(segment.block, 0)
            seen[segment.block] = segment.first + segment.count
    assert layout.sent(9) == tuple(seen.get(b, 0) for b in range(len(layout.blocks)))
    places = layout.places(9)
    assert sorted(p for of_block in places.values() for p in of_block) == [*range(9 * 13 * 4)]


def test_stages_refine_and_the_file_holds_them(network: VqNetwork, tmp_path: Path) -> None:
    s, _ = some_s(IMAGES, 1)
    x = network.task_vector(s)
    index = network.quantizer.quantize(x)
    left = [
        float((x - network.quantizer.reconstruct(index[:, :n])).square().sum()) for n in range(6)
    ]
    assert left == sorted(left, reverse=True)
    assert left[-1] < 0.2 * left[0]
    assert torch.equal(network.accuracy, network.accuracy.cummax(0).values)
    save_vq(tmp_path / "digital-vq.safetensors", network, {})
    read, hashes = load_vq(network.performers, str(tmp_path))
    assert [*hashes] == ["digital-vq.safetensors"]
    assert torch.equal(read.quantizer.quantize(read.task_vector(s)), index)


def test_training_is_a_function_of_the_seed(network: VqNetwork) -> None:
    again = VqNetwork(network.performers, STAGE_BITS, 8)
    train_vq(again, *some_s(), 0, lambda stage, terms: None)
    assert torch.equal(again.codewords, network.codewords)
    train_vq(again, *some_s(), 1, lambda stage, terms: None)
    assert not torch.equal(again.codewords, network.codewords)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"code": "ldpc"}, "auto, ml or polar"),
        ({"confidence": 1.5}, "0 to 1"),
        ({"list_size": 3}, "1, 2, 4"),
        ({"modulation": "8psk"}, "bpsk"),
    ],
)
def test_bad_arguments_are_one_line(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        build_scheme("digital-vq", Networks(RunSpec(), "cpu"), **arguments)
    assert "\n" not in str(error.value)


def test_task_vectors_whose_products_depend_on_the_row_are_refused() -> None:
    with pytest.raises(ValueError, match="dimensions = 6 is not allowed"):
        VqNetwork(TaskPerformers(VEHICLES), STAGE_BITS, 6)


def test_fixed_sizes_are_kept(network: VqNetwork) -> None:
    slot = slot_of(0.0, 20)
    planner = scheme_of(network, uses_per_slot=33, slots_per_block=2, blocks_per_slot=3).planner
    layout = planner.layout(slot)
    assert (layout.uses, layout.period, layout.blocks_per_period) == (33, 2, 3)
    bpsk = scheme_of(network, modulation="bpsk").planner.layout(replace(slot))
    assert bpsk.modulation == "bpsk"
