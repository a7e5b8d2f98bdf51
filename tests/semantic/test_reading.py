"""Readings of the papers: what each option changes, in closed form, and that the default is as ever."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from semantic.conventions import CODED_FEATURES
from semantic.link.buffer import Averaging, Buffer, Combining, Concatenating, SlotFeatures
from semantic.link.importance import CRITERIA, importance
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.link.quadrature import Quadrature
from semantic.link.reading import OPTIONS, LinkReading
from semantic.link.selector import Selection
from semantic.losses import TaskWeights
from semantic.training.calibration import calibrate_thresholds
from semantic.training.encoder import one_cycle_rate, step_seed
from semantic.training.labels import Labels
from semantic.training.link import train_complete, train_scheme
from semantic.training.loop import LinkData, LinkRecipe, draw_snr, link_gradients
from semantic.training.products import onednn_products
from semantic.training.round_trip import play, sending_order, unit_power
from semantic.training.sampler import PKSampler
from semantic.weights.files import read_weights
from semantic.weights.stored import load_link, save_link
from simulator.schemes.image_importance import image_order

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


@pytest.mark.parametrize("given", [{"positions": "free"}, {"positions": "destroyed"}])
def test_positions_belong_to_orders_of_images(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="needs importance=image"):
        LinkReading.of(given)
    assert LinkReading.of({"importance": "image", **given}).own_order(PROTOCOLS["smsc-fir"])


@pytest.mark.parametrize("scheme", ["smsc-complete", "smsc-random", "smsc-sequential"])
def test_only_schemes_that_rank_features_have_orders_of_images(scheme: str) -> None:
    reading = LinkReading(importance="image", positions="destroyed")
    assert not reading.own_order(PROTOCOLS[scheme])
    f = torch.randn(2, CODED_FEATURES)
    assert reading.sent_values(f, PROTOCOLS[scheme]) is f
    assert (reading.sent_values(f, PROTOCOLS["ik-s-harq"]) == 1).all()


def test_criteria_of_a_linear_link_in_closed_form() -> None:
    # one task of two classes with logits (a f, 0): d p / d f = a p (1 - p), for the predicted class
    a = torch.tensor([1.0, -2.0, 0.5])
    f = torch.tensor([[2.0, 0.25, -1.0]])
    p = torch.sigmoid((a * f).sum())
    slope = a * p * (1 - p)

    def link(f: Tensor) -> tuple[Tensor]:
        return (torch.stack([(f * a).sum(1), torch.zeros(len(f))], 1).softmax(1),)

    expected = {
        "abs-gradient": slope.abs(),
        "gradient": slope,
        "abs-f-gradient": (f[0] * slope).abs(),
        "abs-f": f[0].abs(),
    }
    assert expected.keys() == CRITERIA.keys() == set(OPTIONS["criterion"].values)
    for name, ind in expected.items():
        assert torch.allclose(importance(link, f, [1.0], name)[0], ind, atol=1e-6)


@pytest.mark.parametrize("criterion", ["abs-gradient", "abs-f"])
def test_training_ranks_each_image_as_the_simulator_does(criterion: str) -> None:
    """The batch's own statistics do not enter, and the network goes on in training mode."""
    reading = LinkReading(importance="image", criterion=criterion)
    network = LinkNetwork(4, detector=None, reading=reading).train()
    f, fir = torch.randn(3, CODED_FEATURES), PROTOCOLS["smsc-fir"]
    order = sending_order(network, fir, f, 0.0, torch.Generator())
    assert network.jsc_decoder.norm.training
    theirs = image_order(network.eval(), f, 2.0)  # other products: a few near ties may differ
    assert (order == theirs).double().mean() > 0.98
    if criterion == "abs-f":
        assert torch.equal(order, f.abs().argsort(dim=1, descending=True, stable=True))


@pytest.mark.parametrize("positions", ["free", "destroyed"])
def test_destroyed_values_leave_the_positions(positions: str) -> None:
    """Two images with equal magnitudes of f and other signs: only their values tell them apart."""
    reading = LinkReading(importance="image", criterion="abs-f", positions=positions)
    network = LinkNetwork(4, detector="oracle", reading=reading).eval()
    f = torch.randn(1, CODED_FEATURES).repeat(2, 1)
    f[1] *= torch.where(torch.rand(CODED_FEATURES) < 0.5, -1.0, 1.0)

    def clean(
        features: Tensor, sent: Tensor, snr_db: float, generator: object
    ) -> tuple[Tensor, ...]:
        z = unit_power(features, sent.sum(1))
        return z, torch.ones_like(z)

    played = play(network, PROTOCOLS["semharq"], f, 0.0, 64, 2, clean, torch.Generator())
    one, other = played.buffer.received()
    assert torch.equal(one != 0, other != 0)
    assert torch.equal(one, other) == (positions == "destroyed")
    if positions == "destroyed":
        assert torch.allclose(one[one != 0], torch.tensor(1.0))
        assert torch.equal(played.sent[0] != 0, one != 0)


def test_readings_of_the_order_train(tmp_path: Path) -> None:
    """A scheme with F takes a step with orders of images and without values."""
    data, recipe = tiny_data(), replace(TINY, fde_steps=1)
    reading = LinkReading(importance="image", criterion="abs-f-gradient", positions="destroyed")
    network = LinkNetwork(4, "average", "fde", thresholds=1, reading=reading)
    train_complete(network, data, recipe, tmp_path / "a.safetensors", lambda step, terms: None)
    coder = network.jsc_encoder.out.weight.detach().clone()
    decoder = network.jsc_decoder.out.weight.detach().clone()
    protocol = PROTOCOLS["semharq"]
    train_scheme(network, protocol, data, recipe, tmp_path / "b.safetensors", lambda s, t: None)
    assert torch.equal(network.jsc_encoder.out.weight, coder)  # ones are sent, whatever f is
    assert not torch.equal(network.jsc_decoder.out.weight, decoder)
    calibrate_thresholds(network, protocol, data.s, noisy_channel, data.budget)
    assert network.threshold.isfinite().all()


def noisy_channel(
    features: Tensor, sent: Tensor, snr_db: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Power control and noise of variance 1."""
    z = unit_power(features, sent.sum(1))
    return z + torch.randn(z.shape, generator=generator), torch.ones_like(z)


TINY = LinkRecipe(
    complete_steps=1, fde_steps=0, selected_steps=1, vehicles_per_batch=4,
    images_per_vehicle=2, max_transmissions=2, fde_features=16, free_budget=0.0,
)  # fmt: skip


def tiny_data() -> LinkData:
    vehicle = torch.arange(8) // 2
    s = torch.rand(8, 1024, generator=torch.Generator().manual_seed(0))
    return LinkData(s, Labels(vehicle, vehicle, vehicle), noisy_channel, lambda snr_db: 32)


def test_printed_losses_reach_all_networks(tmp_path: Path) -> None:
    """L_MI and a second L_E2E move the coder; L_T moves F."""

    def trained(losses: str, weight: float) -> LinkNetwork:
        torch.manual_seed(0)
        network = LinkNetwork(4, "combine", "fde", None, 1, LinkReading(losses=losses))
        recipe = replace(TINY, task_weights=TaskWeights(weight, weight, weight))
        path = tmp_path / f"{losses}{weight}.safetensors"
        return train_scheme(
            network, PROTOCOLS["semharq"], tiny_data(), recipe, path, lambda step, terms: None
        )

    def fde(network: LinkNetwork) -> Tensor:
        assert network.fde is not None
        return network.fde.judge.weight

    apart, printed = trained("apart", 1.0), trained("printed", 1.0)
    assert not torch.equal(apart.jsc_encoder.out.weight, printed.jsc_encoder.out.weight)
    assert torch.equal(fde(apart), fde(trained("apart", 50.0)))
    assert not torch.equal(fde(printed), fde(trained("printed", 50.0)))


def test_the_default_reading_takes_the_step_of_the_papers_losses_apart(tmp_path: Path) -> None:
    """One step of ik-s-harq, written out: today's defaults change no bit."""
    torch.manual_seed(0)
    network = LinkNetwork(4, "combine", None, None, 1)
    by_hand = deepcopy(network).train()
    data, ik = tiny_data(), PROTOCOLS["ik-s-harq"]
    recipe = replace(TINY, selected_steps=1, fixed_statistics=1.0)
    train_scheme(network, ik, data, recipe, tmp_path / "c.safetensors", lambda step, terms: None)

    generator = torch.Generator().manual_seed(step_seed(0, 7, 0))
    index = torch.from_numpy(PKSampler(data.labels.vehicle.numpy(), 4, 2, 0).batch(0))
    snr_db = draw_snr(recipe, generator)
    _, _, count = torch.rand(3, generator=generator).tolist()
    with onednn_products(by_hand):
        f = by_hand.jsc_encoder(data.s[index] / by_hand.scale)
        matched, weight = torch.zeros_like(f), torch.zeros_like(f)
        for j in range(1 + int(2 * count)):
            own = slice(32 * j, 32 * (j + 1))
            sent = torch.ones(len(f), 32, dtype=torch.bool)
            add, snr = noisy_channel(f[:, own], sent, snr_db, generator)
            matched = matched.index_add(1, torch.arange(1024)[own], add)
            weight = weight.index_add(1, torch.arange(1024)[own], snr)
        found = by_hand.decode(Combining(matched, weight))
        link_gradients(by_hand, data, recipe, index, found, "sum")
    optimizer = torch.optim.Adam(by_hand.parameters(), one_cycle_rate(0, 1, 1e-3, 0.05), fused=True)
    optimizer.step()
    for name, value in by_hand.eval().state_dict().items():
        assert torch.equal(value, network.state_dict()[name]), name
