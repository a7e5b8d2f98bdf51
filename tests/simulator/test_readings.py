"""Readings of the papers in training and simulation: the same choice on both sides."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from phy.channel import Received
from phy.channels.fading import Rician
from phy.streams import Streams
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.buffer import BUFFERS, Averaging, SlotFeatures
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.link.reading import OPTIONS, LinkReading
from semantic.link.selector import Selection
from simulator.cli import main
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.scheme import Payload
from simulator.scheme_arguments import EQUALIZERS, SemanticHarqArguments
from simulator.schemes.iq_mapping import demap_iq, map_iq
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.slots import Slot
from simulator.training.channel import preset_channel, training_channel
from simulator.training.link_options import LinkOptions, adapted
from simulator.training.presets import PRINTED, presets

IDENTITIES, IMAGES, B = 20, 12, 32
SLOT = Slot(-2.0, 1e-3, 4e6)


@pytest.fixture(scope="module")
def encoder() -> MultiTaskNetwork:
    return MultiTaskNetwork(IDENTITIES)  # never asked: s is given


def link_of(scheme: str, buffer: str = "combine", **reading: str) -> LinkNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        detector = PROTOCOLS[scheme].detector
        link = LinkNetwork(IDENTITIES, buffer, detector, reading=LinkReading(**reading))
        link.order.copy_(torch.randperm(1024))
    return link.eval().requires_grad_(False)


def send(scheme: SemanticHarq, most: int = 3) -> tuple[Tensor, Ledger]:
    """The embeddings of some images, and what they cost."""
    s = torch.rand(IMAGES, 1024, generator=torch.Generator().manual_seed(0))
    streams = Streams(0, "cell", np.arange(IMAGES))
    payload = scheme.payload(s, np.arange(IMAGES))
    outputs, ledger = run_link(scheme, payload, Rician(), SLOT, streams, most)
    return outputs.embedding, ledger


def received(generator: torch.Generator) -> Received:
    """A burst of random features over random gains."""
    z = torch.randn(IMAGES, B, generator=generator)
    h = torch.complex(*torch.randn(2, IMAGES, B, generator=generator))
    n = torch.complex(*torch.randn(2, IMAGES, B, generator=generator))
    return Received(h * map_iq(z, 1) + n, h, torch.full((1, 1), 2.0))


def test_equalizers_have_the_names_of_the_simulator() -> None:
    assert set(OPTIONS["equalizer"].values) == set(EQUALIZERS)


@pytest.mark.parametrize("parts", ["real", "complex"])
def test_zero_forcing_is_y_over_h_and_none_is_y(parts: str) -> None:
    burst = received(torch.Generator().manual_seed(0))
    for equalizer, estimate in (("zf", burst.y / burst.h), ("none", burst.y)):
        matched, weight = demap_iq(burst, B, 1, equalizer, parts)
        expected = estimate if parts == "complex" else estimate.real
        assert torch.allclose(matched / weight, expected, atol=1e-4, rtol=1e-4)
        if parts == "real":
            places = Selection(torch.arange(B).expand(IMAGES, B), torch.ones(IMAGES, B) > 0)
            buffer = Averaging.empty(IMAGES).add(SlotFeatures(places, matched, weight))
            found = buffer.decoder_input()[:, :B]
            assert torch.allclose(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("equalizer", ["zf", "mmse", "none"])
def test_a_link_is_simulated_with_the_equalizer_of_its_training(
    encoder: MultiTaskNetwork, equalizer: str
) -> None:
    protocol = PROTOCOLS["semharq"]
    read, _ = send(SemanticHarq(encoder, link_of("semharq", equalizer=equalizer), protocol))
    default = link_of("semharq")
    told, _ = send(
        SemanticHarq(encoder, default, protocol, SemanticHarqArguments(equalizer=equalizer))
    )
    other, _ = send(SemanticHarq(encoder, default, protocol))
    assert torch.equal(read, told)
    assert not torch.equal(read, other)


@pytest.mark.parametrize("buffer", ["average", "concatenate-raw"])
def test_both_parts_cross_the_link(encoder: MultiTaskNetwork, buffer: str) -> None:
    link = link_of("semharq", buffer, equalizer="none", parts="complex")
    embedding, ledger = send(SemanticHarq(encoder, link, PROTOCOLS["semharq"]))
    assert embedding.isfinite().all()
    assert ledger.transmissions.max() == 3
    with pytest.raises(ValueError, match="features_per_use 2 needs a link whose reading has"):
        SemanticHarq(encoder, link, PROTOCOLS["semharq"], SemanticHarqArguments(features_per_use=2))


@pytest.mark.parametrize("scheme", ["semharq", "ik-s-harq"])
def test_free_positions_are_those_of_headers_without_their_bits(
    encoder: MultiTaskNetwork, scheme: str
) -> None:
    protocol, reading = PROTOCOLS[scheme], {"importance": "image", "criterion": "abs-f"}
    charged = SemanticHarq(encoder, link_of(scheme, **reading), protocol)
    free = SemanticHarq(encoder, link_of(scheme, **reading, positions="free"), protocol)
    (paid, costs), (given, none) = send(charged), send(free)
    assert torch.equal(paid, given)
    assert costs.side_information_bits.min() > 0
    assert none.side_information_bits.max() == 0
    asked = SemanticHarqArguments(importance="image", positions="free")
    told = SemanticHarq(encoder, link_of(scheme, criterion="abs-f"), protocol, asked)
    assert torch.equal(send(told)[0], given)


def test_destroyed_values_carry_nothing(encoder: MultiTaskNetwork) -> None:
    """Images that differ in the signs of f alone arrive as one."""
    link = link_of("rt-s-harq", importance="image", criterion="abs-f", positions="destroyed")
    scheme = SemanticHarq(encoder, link, PROTOCOLS["rt-s-harq"])
    f = scheme.payload(torch.rand(IMAGES, 1024), np.arange(IMAGES)).tensors["f"]
    sign = torch.where(torch.rand(f.shape) < 0.5, -1.0, 1.0)
    found = [
        run_link(scheme, Payload({"f": g}), Rician(), SLOT, Streams(0, "c", np.arange(IMAGES)), 2)[
            0
        ].embedding
        for g in (f, f * sign)
    ]
    assert torch.equal(*found)
    with pytest.raises(ValueError, match="positions free needs importance=image"):
        SemanticHarq(
            encoder, link_of("rt-s-harq"), scheme.protocol, SemanticHarqArguments(positions="free")
        )


def test_training_has_the_channels_of_a_run() -> None:
    features, sent = torch.ones(3, B), torch.ones(3, B, dtype=torch.bool)

    def weights(*given: str, **options: str) -> Tensor:
        link = LinkOptions(tuple(pair.split("=") for pair in given), **options)  # type: ignore[arg-type, misc]
        preset = adapted(presets(10)["synthetic"], 0, "densenet121", None, None, None, link)
        channel = preset_channel(preset, "cpu")
        return channel(features, sent, 0.0, torch.Generator().manual_seed(0))[1]

    by_hand = training_channel(Rician(), "cpu")
    expected = by_hand(features, sent, 0.0, torch.Generator().manual_seed(0))[1]
    assert torch.equal(weights(), expected)  # the default is what it was
    block = weights(fading="block")
    assert (block == block[:, :1]).all()
    assert len(block[:, 0].unique()) == 3
    assert torch.allclose(weights(channel="awgn"), torch.tensor(2.0))
    assert not torch.equal(weights("equalizer=zf"), expected)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (LinkOptions((("receiver", "zf"),)), "unknown reading 'receiver': "),
        (LinkOptions((("equalizer", "mms"),)), "equalizer 'mms' is not allowed: nearest: 'mmse'"),
        (LinkOptions(fading="blok"), "channel rician: fading"),
        (LinkOptions(channel="ricean"), "unknown channel 'ricean': nearest: 'rician'"),
    ],
)
def test_wrong_words_are_refused(options: LinkOptions, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        adapted(presets(10)["synthetic"], 0, "densenet121", None, None, None, options)


def test_the_page_of_readings_has_every_value() -> None:
    text = (Path(__file__).parents[2] / "docs" / "readings.md").read_text("utf-8")
    page = text.replace("\\|", "|")
    for option in OPTIONS.values():
        assert f"`{option.name}={'|'.join(option.values)}`" in page, option.name
    assert f"`--buffer {'|'.join(BUFFERS)}`" in page
    for name, value in PRINTED.changed.items():
        row = next(line for line in page.splitlines() if f"`{name}=" in line)
        assert f"`{value}`" in row.split(" | ")[-1], name


def test_the_list_of_readings_has_every_value() -> None:
    lines = CliRunner().invoke(main, ["list", "readings"]).output
    for option in OPTIONS.values():
        assert f"{option.name}={'|'.join(option.values)} [{option.values[0]}]" in lines
        assert option.source in lines
