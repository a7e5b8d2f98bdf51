"""SemHARQ's features as bits: what arrives, what it costs, and what is left of what does not."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch import Tensor

from phy.channel import Received
from phy.channels.fading import Awgn
from phy.coding.transport import TransportCodec
from phy.streams import Streams
from semantic.conventions import CODED_FEATURES
from semantic.link.buffer import Combining
from semantic.link.network import LinkNetwork
from semantic.quantizer import Quantizer
from semantic.tasks import TaskOutputs
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.schemes.adaptive_coding import AdaptiveCoding
from simulator.schemes.coding import Coding, CodingRule
from simulator.schemes.digital_features import DigitalFeatures, whole_features
from simulator.setup.networks import Networks
from simulator.setup.schemes import build_scheme
from simulator.slots import Slot
from simulator.spec import RunSpec
from simulator.sweeps.sweep import run_spec

IDENTITIES, IMAGES, USES, G = 20, 24, 1200, 4
MEDIUM = Coding("16qam", 0.75)


def slot_at(snr_db: float, uses: int = USES) -> Slot:
    return Slot(snr_db, 1e-3, 1e3 * uses)


@pytest.fixture(scope="module")
def link() -> LinkNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        link = LinkNetwork(IDENTITIES).eval().requires_grad_(False)
        link.order.copy_(torch.randperm(CODED_FEATURES))
    return link


def some_s(images: int = IMAGES) -> Tensor:
    return torch.rand(images, 1024, generator=torch.Generator().manual_seed(0))


def send(
    link: LinkNetwork,
    snr_db: float,
    rule: CodingRule = MEDIUM,
    bits: int = 4,
    images: slice = slice(0, IMAGES),
) -> tuple[TaskOutputs, Ledger]:
    scheme = DigitalFeatures(link, Quantizer(bits), rule)
    streams = Streams(0, "cell", np.arange(IMAGES)[images])
    payload = scheme.payload(some_s()[images])
    return run_link(scheme, payload, Awgn(), slot_at(snr_db), streams, G)


def quantized_by_hand(link: LinkNetwork, s: Tensor, n: int, bits: int) -> tuple[Tensor, Tensor]:
    """(f as quantized, its SNR to the decoder), each [batch, L] in the places of f."""
    f = link.encode(s)[:, link.order[:n]]
    z = f / f.square().mean(1, keepdim=True).sqrt()
    values, d = Quantizer(bits).values, Quantizer(bits).distortion
    q, weight = torch.zeros(len(s), CODED_FEATURES), torch.zeros(len(s), CODED_FEATURES)
    q[:, link.order[:n]] = values[(z[..., None] - values).abs().argmin(-1)]
    weight[:, link.order[:n]] = 1 / d - 1
    return q, weight


@pytest.mark.parametrize("bits", [2, 6])
def test_at_high_snr_the_decoder_gets_the_quantized_features(link: LinkNetwork, bits: int) -> None:
    outputs, ledger = send(link, 25.0, bits=bits)
    n = int(ledger.information_bits[0]) // bits
    room = 4 * 0.75 * USES / bits
    assert min(CODED_FEATURES, 0.97 * room) <= n < room
    q, weight = quantized_by_hand(link, some_s(), n, bits)
    buffer = Combining(q * (1 + weight), weight)
    # The decoder sees the values as they are and their MMSE as the quantizer's distortion.
    torch.testing.assert_close(buffer.decoder_input()[:, :CODED_FEATURES], q)
    for got, expected in zip(outputs, link.decode(buffer)[1], strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    assert (ledger.transmissions == 1).all()
    assert (ledger.reason == 1).all()
    assert torch.equal(ledger.delivered_bits, ledger.information_bits)


def test_redundancy_arrives_until_the_crc_holds(link: LinkNetwork) -> None:
    # 3 bits a use need 8.5 dB at once and 2.6 dB in two transmissions (Gaussian input)
    outputs, ledger = send(link, 4.0)
    assert (ledger.transmissions > 1).all()
    assert (ledger.transmissions < G).all()
    assert (ledger.delivered_bits == ledger.information_bits).all()
    at_once, _ = send(link, 25.0)
    for late, early in zip(outputs, at_once, strict=True):
        assert torch.equal(late, early)  # what arrives is the same, however late


def test_what_no_code_can_bring_leaves_nothing(link: LinkNetwork) -> None:
    outputs, ledger = send(link, -12.0)
    assert (ledger.transmissions == G).all()
    assert (ledger.reason == 0).all()
    assert (ledger.delivered_bits == 0).all()
    empty = link.decode(link.empty_buffer(IMAGES))[1]
    for got, expected in zip(outputs, empty, strict=True):
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("bits", [1, 4, 10])
@pytest.mark.parametrize("uses", [40, 317, 1200, 9000])
@pytest.mark.parametrize("coding", [MEDIUM, Coding("qpsk", 0.12, base_graph=None)])
def test_a_block_fills_its_slot_and_no_more(coding: Coding, uses: int, bits: int) -> None:
    scheme = DigitalFeatures(LinkNetwork(IDENTITIES), Quantizer(bits), coding)
    slot = slot_at(0.0, uses)
    n, codec = scheme.features(slot), scheme.codec(slot)
    assert codec.payload_bits == n * bits
    if n > 1:
        assert codec.uses <= uses
    if n < CODED_FEATURES:  # a byte more than what it carries would be too long
        assert coding.codec(8 * (n * bits // 8 + 1 + bits // 8)).uses > uses


def test_with_equal_uses_a_block_fills_the_budget_of_the_image(link: LinkNetwork) -> None:
    rule = AdaptiveCoding(Coding(base_graph=None), Awgn())
    whole, one = (DigitalFeatures(link, Quantizer(2), rule, slots) for slots in (G, 1))
    slot = Slot(2.0, 1e-3, 3e6, "uses")
    budget = G * slot.features
    assert 0.8 * budget < whole.codec(slot).uses <= budget
    assert whole.features(slot) > 2 * one.features(slot)
    assert one.codec(slot).uses <= slot.features
    with_slots = Slot(2.0, 1e-3, 3e6)
    assert whole.features(with_slots) == one.features(with_slots)


def test_costs_are_those_of_the_blocks(link: LinkNetwork) -> None:
    for snr_db in (-12.0, 4.0, 25.0):
        _, ledger = send(link, snr_db)
        codec = DigitalFeatures(link, Quantizer(4), MEDIUM).codec(slot_at(snr_db))
        assert torch.equal(ledger.channel_uses, codec.uses * ledger.transmissions)
        assert torch.equal(ledger.slots, ledger.transmissions)
        assert torch.equal(ledger.feedback_bits, ledger.transmissions)
        assert (ledger.side_information_bits == 0).all()
        assert (ledger.information_bits == codec.payload_bits).all()
        assert (ledger.energy / ledger.channel_uses).sub(1).abs().max() < 0.1


def test_company_changes_no_number(link: LinkNetwork) -> None:
    together, costs = send(link, 3.0)
    for part in (slice(0, 1), slice(5, 17)):
        alone, its_costs = send(link, 3.0, images=part)
        for all_rows, rows in zip(together, alone, strict=True):
            assert torch.equal(all_rows[part], rows)
        for field in fields(Ledger):
            whole = getattr(costs, field.name)
            assert torch.equal(whole[part], getattr(its_costs, field.name)), field.name


def heard(x: Tensor, deaf_from: int, no: float = 0.01) -> Received:
    """A burst without noise, up to where the receiver hears nothing any more."""
    h = (torch.arange(x.shape[1]) < deaf_from).to(x.dtype).expand_as(x)
    return Received(h * x, h, torch.full((1, 1), no))


def test_right_code_blocks_of_a_failed_block_are_used(link: LinkNetwork) -> None:
    scheme, slot = DigitalFeatures(link, Quantizer(10), MEDIUM), slot_at(0.0, 9000)
    codec = scheme.codec(slot)
    assert codec.blocks > 1
    tx, rx = scheme.start(scheme.payload(some_s(3)), slot)
    burst, tx = scheme.transmit(tx, None, slot)
    feedback, rx = scheme.receive(rx, heard(burst.x, codec.block_lengths[0] // 4), slot)
    assert not feedback.ack.any()
    split = codec.segmentation
    whole = (split.block_bits - split.block_crc_bits) // 10
    assert rx.known.sum(1).tolist() == [whole] * 3
    assert [len(claim) for claim in scheme.accepted(rx)] == [0] * 3, "no transport block is whole"
    partial = scheme.perform(rx)
    expected = quantized_by_hand(link, some_s(3), scheme.features(slot), 10)
    beyond = link.order[whole:]
    q, weight = (value.index_fill(1, beyond, 0) for value in expected)
    by_hand = link.decode(Combining(q * (1 + weight), weight))[1]
    for got, wanted in zip(partial, by_hand, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_a_misheard_ack_takes_nothing_away(link: LinkNetwork) -> None:
    scheme, slot = DigitalFeatures(link, Quantizer(4), MEDIUM), slot_at(0.0)
    tx, rx = scheme.start(scheme.payload(some_s(3)), slot)
    burst, tx = scheme.transmit(tx, None, slot)
    feedback, rx = scheme.receive(rx, heard(burst.x, USES), slot)
    assert feedback.ack.all()
    before = scheme.perform(rx)
    burst, tx = scheme.transmit(tx, feedback, slot)
    again, rx = scheme.receive(rx, heard(burst.x, 0), slot)
    assert again.ack.all()
    for claim, truth in zip(scheme.accepted(rx), scheme.offered(tx), strict=True):
        assert torch.equal(claim, truth)
    for first, second in zip(before, scheme.perform(rx), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("bits", [1, 3, 7, 8])
def test_features_that_straddle_a_bad_block_are_not_known(bits: int) -> None:
    codec = TransportCodec(payload_bits=bits * (20_000 // bits), rate=0.5)
    block_ok = torch.tensor([[True, False, True], [True, True, True], [False, False, False]])
    split = codec.segmentation
    per_block = split.block_bits - split.block_crc_bits
    known = whole_features(codec, block_ok, bits)
    for row, ok in zip(known, block_ok, strict=True):
        for feature, is_known in enumerate(row.tolist()):
            touched = {bit // per_block for bit in range(bits * feature, bits * (feature + 1))}
            assert is_known == all(bool(ok[block]) for block in touched)


def test_adaptive_coding_carries_more_where_the_channel_is_better(link: LinkNetwork) -> None:
    rule = AdaptiveCoding(Coding(base_graph=None), Awgn())
    scheme = DigitalFeatures(link, Quantizer(4), rule)
    slots = [slot_at(snr_db) for snr_db in (-6.0, -2.0, 2.0, 6.0)]
    carried = [scheme.features(slot) for slot in slots]
    assert carried == sorted(set(carried))
    assert all(scheme.codec(slot).uses <= slot.uses for slot in slots)
    _, ledger = send(link, -2.0, rule)
    failed = int((ledger.transmissions > 1).sum())  # at a significance of 0.1 %
    assert binomtest(failed, IMAGES, 0.1, alternative="greater").pvalue > 1e-3
    assert (ledger.delivered_bits == ledger.information_bits).all()


def test_by_its_name_over_fading(tiny_weights: Path, folder_data: Path) -> None:
    spec = RunSpec(
        schemes=("digital-features",),
        snr_db=(-25.0, 20.0),
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=1e6,
        scheme_args=(("bits", 3), ("modulation", "qpsk"), ("rate", 0.5)),
        device="cpu",
    )
    rows = run_spec(spec).images.set_index("snr_db")
    assert (rows.loc[20.0, "stopped_by"] == "CRC holds").all()
    assert (rows.loc[-25.0, "stopped_by"] == "transmissions used up").all()
    assert rows.loc[-25.0, "color_predicted"].nunique() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bits": 0}, "1 to 10"),
        ({"quantizer": "unifrom"}, "uniform"),
        ({"modulation": "qpsk"}, "give both"),
        ({"rate": 0.5}, "give both"),
        ({"modulation": "17qam", "rate": 0.5}, "16qam"),
        ({"modulation": "qpsk", "rate": 1.5}, "rate 1.5"),
        ({"base_graph": 3}, "auto, 1 or 2"),
        ({"target_bler": 0}, "target_bler 0"),
        ({"rv_order": "0239"}, "rv_order"),
    ],
)
def test_bad_arguments_are_one_line(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        build_scheme("digital-features", Networks(RunSpec(), "cpu"), **arguments)
    assert "\n" not in str(error.value)
