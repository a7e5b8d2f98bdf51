"""Readings of the papers: what each option changes, in closed form, and that the default is as ever."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from semantic.conventions import CODED_FEATURES
from semantic.link.buffer import Averaging, Buffer, Combining, Concatenating, SlotFeatures
from semantic.link.network import LinkNetwork
from semantic.link.quadrature import Quadrature
from semantic.link.reading import OPTIONS, LinkReading
from semantic.link.selector import Selection
from semantic.weights.files import read_weights
from semantic.weights.stored import load_link, save_link

POSITIONS = torch.tensor([[5, 900, 17]])
SENT = torch.tensor([[True, True, False]])


def slot(values: list[float], weights: list[float]) -> SlotFeatures:
    """A slot whose unbiased estimates are the values."""
    weight = torch.tensor([weights])
    return SlotFeatures(Selection(POSITIONS, SENT), torch.tensor([values]) * weight, weight)


def test_an_option_has_a_default_a_place_and_a_line() -> None:
    for name, option in OPTIONS.items():
        assert getattr(LinkReading(), name) == option.values[0]
        assert len(set(option.values)) == len(option.values) > 1
        assert "SemHARQ" in option.source or "SMSC-FIR" in option.source
        assert "\n" not in option.help
    assert LinkReading().changed == {}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"equaliser": "zf"}, "unknown reading 'equaliser': nearest: 'equalizer'"),
        ({"equalizer": "mms"}, "reading equalizer 'mms' is not allowed: nearest: 'mmse'"),
    ],
)
def test_wrong_words_name_the_nearest(given: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        LinkReading.of(given)


def test_the_average_knows_no_reliability() -> None:
    buffer = Averaging.empty(1).add(slot([1.0, -2.0, 9.0], [4.0, 0.5, 1.0]))
    buffer = buffer.add(slot([3.0, 0.0, 9.0], [0.1, 8.0, 1.0]))
    assert torch.allclose(buffer.received()[0, POSITIONS[0]], torch.tensor([2.0, -1.0, 0.0]))
    assert buffer.decoder_input().shape == (1, CODED_FEATURES)
    assert buffer.reliability()[0, POSITIONS[0]].tolist() == [1.0, 1.0, 0.0]


def test_raw_vectors_are_not_shrunk() -> None:
    one = slot([1.0, -2.0, 9.0], [4.0, 0.5, 1.0])
    raw, mmse = (Concatenating.empty(1, raw=raw).add(one) for raw in (True, False))
    assert torch.allclose(raw.decoder_input()[0, [5, 900]], torch.tensor([1.0, -2.0]))
    assert torch.allclose(mmse.decoder_input()[0, [5, 900]], torch.tensor([0.8, -2 / 3]))
    assert torch.equal(raw.received(), mmse.received())
    assert raw.take(torch.tensor([0])).raw


@pytest.mark.parametrize(
    "empty", [Averaging.empty(1), Concatenating.empty(1, raw=True), Combining.empty(1)]
)
def test_a_share_of_a_slot_has_a_finite_slope(empty: Buffer) -> None:
    """F learns through the share of each feature that a retransmission adds."""
    share = torch.tensor([[0.0, 1.0, 0.0]], requires_grad=True)
    buffer = empty.add(slot([0.5, 0.5, 9.0], [1.0, 1.0, 1.0]))  # F judges what was received
    buffer = buffer.add(slot([1.0, -2.0, 9.0], [4.0, 0.5, 1.0]).shared(share))
    buffer.decoder_input().sum().backward()
    assert share.grad is not None
    assert 0 < share.grad[0, :2].abs().min() < share.grad.abs().max() < 20


def test_both_parts_reach_the_decoder() -> None:
    one = slot([1.0, -2.0, 9.0], [4.0, 0.5, 1.0])
    both = replace(one, matched=torch.complex(one.matched, 3 * one.matched))
    buffer = Quadrature(Averaging.empty(1), Averaging.empty(1)).add(both)
    alone = Averaging.empty(1).add(one)
    inputs = buffer.decoder_input()
    assert torch.equal(inputs[:, :CODED_FEATURES], alone.decoder_input())
    assert torch.allclose(inputs[:, CODED_FEATURES:], 3 * alone.decoder_input())
    assert torch.equal(buffer.received(), alone.received())
    network = LinkNetwork(4, "average", None, reading=LinkReading(parts="complex"))
    assert network.jsc_decoder.hidden.in_features == inputs.shape[1]
    assert network.empty_buffer(1).decoder_input().shape == inputs.shape


def test_weights_remember_their_reading(tmp_path: Path) -> None:
    reading = LinkReading(equalizer="none", parts="complex")
    link = LinkNetwork(4, "average", None, reading=reading).eval()
    save_link(tmp_path / "smsc-fir.safetensors", link, {})
    loaded, _ = load_link("smsc-fir", link.performers, str(tmp_path))
    assert (loaded.reading, loaded.buffer_name) == (reading, "average")
    save_link(tmp_path / "default.safetensors", LinkNetwork(4, detector=None).eval(), {})
    assert "reading" not in read_weights(tmp_path / "default.safetensors")[1]
