"""Controls beside SemHARQ, baselines without training of their own, and the training of both."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from phy.channels.fading import Rician
from phy.streams import Streams
from semantic.conventions import CODED_FEATURES
from semantic.distortion.threshold import auroc
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.buffer import Averaging
from semantic.link.network import LinkNetwork
from semantic.link.protocol import CONTROLS, LEARNED
from semantic.link.reading import LinkReading
from semantic.link.retransmission import RetransmitDistorted, largest_share
from semantic.link.selector import Selection
from semantic.training.labels import Labels
from semantic.training.loop import LinkData, LinkRecipe
from semantic.weights.files import read_weights
from semantic.weights.stored import save_link
from simulator.catalog import SCHEMES
from simulator.link import run_link
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.setup.networks import Networks
from simulator.setup.schemes import build_scheme
from simulator.slots import Slot
from simulator.spec import RunSpec
from simulator.training.command import stages
from simulator.training.links import _train_scheme, complete_link
from simulator.training.presets import Preset, presets
from simulator.training.stage import Stage

IMAGES = 12


def test_a_coin_is_uniform_and_knows_nothing_of_errors_but_the_magnitude_does() -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(64, CODED_FEATURES, generator=generator)
    error = torch.randn(z.shape, generator=generator)
    link = LinkNetwork(4, "average", None)
    buffer = Averaging(z + error, torch.ones_like(z))
    found = {}
    for detector in ("coin", "magnitude"):
        link.detector = detector  # type: ignore[assignment]
        found[detector] = link.distortion(buffer)
    deciles = torch.histc(found["coin"], 10, 0, 1) / z.numel()
    assert (deciles - 0.1).abs().max() < 4 * (0.09 / z.numel()) ** 0.5
    assert abs(auroc(found["coin"], error.abs()) - 0.5) < 4 * (1 / (3 * z.numel())) ** 0.5
    assert auroc(found["magnitude"], error.abs()) > 0.6


@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.75])
def test_a_control_requests_its_share_of_every_slot(ratio: float) -> None:
    d = torch.rand(5, 40)
    sent = torch.ones(5, 40, dtype=torch.bool)
    sent[1, 20:] = False
    sent[2] = False  # nothing was left to send
    latest = Selection(torch.arange(40).expand(5, 40), sent)
    whole = torch.zeros(5, CODED_FEATURES).scatter(1, latest.position, d)
    request = RetransmitDistorted(largest_share(ratio)).request(latest, lambda: whole)
    assert request.sum(1).tolist() == [round(ratio * n) for n in (40, 20, 0, 40, 40)]
    for row in (0, 1):
        left = d[row][sent[row] & ~request[row]]
        assert d[row][request[row]].min() > left.max()


@pytest.fixture(scope="module")
def networks(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Networks:
    root = tmp_path_factory.mktemp("weights")
    for name in ("encoder", "semharq"):
        shutil.copy(tiny_weights / f"{name}.safetensors", root)
    save_link(root / "smsc-complete.safetensors", LinkNetwork(20, detector=None).eval(), {})
    return Networks(RunSpec(schemes=tuple(CONTROLS), weights=str(root)), "cpu")


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_is_semharq_with_another_detector(name: str, networks: Networks) -> None:
    scheme = build_scheme(name, networks, ratio="0.25", theta_0_db=60)
    assert isinstance(scheme, SemanticHarq)
    trained = networks.link("semharq")
    assert torch.equal(scheme.link.jsc_decoder.norm.weight, trained.jsc_decoder.norm.weight)
    assert (scheme.link.fde, scheme.link.detector) == (None, CONTROLS[name].protocol.detector)
    slot = Slot(-2.0, 1e-3, 4e6)
    s = torch.rand(IMAGES, 1024, generator=torch.Generator().manual_seed(0))
    payload = scheme.payload(s, np.arange(IMAGES))
    streams = Streams(0, "cell", np.arange(IMAGES))
    tx, rx = scheme.start(payload, slot)
    burst, tx = scheme.transmit(tx, None, slot)
    h, _ = Rician().draw(streams.rows(np.arange(IMAGES), 0).for_role("fading"), slot.features, None)
    noise = streams.rows(np.arange(IMAGES), 0).for_role("noise")
    answer, _ = scheme.receive(rx, Rician().apply(burst.x, h, slot.no, noise), slot)
    assert answer.request is not None
    assert (answer.request.sum(1) == round(0.25 * slot.features)).all()
    outputs, ledger = run_link(scheme, payload, Rician(), slot, streams, 3)
    assert outputs.embedding.isfinite().all()
    assert (ledger.feedback_bits == 2 * (1 + slot.features) + 1).all()  # the last NACK names none


def test_a_control_is_not_trained(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'semharq-coin' uses the weights of 'semharq'"):
        stages(tmp_path, presets(10)["synthetic"], ["semharq-coin"], ["reid"], "cpu", *[print] * 2)


def test_a_baseline_takes_the_link_that_was_trained_with_all_of_f(networks: Networks) -> None:
    assert {name for name in LEARNED if "link" in SCHEMES[name].declared} == {
        *("ik-s-harq", "rt-s-harq", "smsc-sequential", "smsc-random")
    }
    part = networks.apart("ik-s-harq")
    build_scheme("ik-s-harq", part, link="smsc-complete")
    assert part.own.keys() == {"encoder.safetensors", "smsc-complete.safetensors"}
    with pytest.raises(ValueError, match="semharq takes no argument 'link'"):
        build_scheme("semharq", networks, link="smsc-complete")


def channel(
    features: torch.Tensor, sent: torch.Tensor, snr_db: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """No power control, no noise."""
    return features, torch.ones_like(features)


@pytest.mark.parametrize(
    ("retraining", "trained"),
    [("all", set(LEARNED)), ("none", set()), ("proposed", {n for n in LEARNED if "semharq" in n})],
)
def test_who_is_retrained(retraining: str, trained: set[str]) -> None:
    reading = LinkReading(retraining=retraining)
    others = {"smsc-fir", "smsc-complete"} if retraining == "proposed" else set()
    assert {n for n, s in LEARNED.items() if reading.retrains(s)} == trained | others


def test_schemes_that_are_not_retrained_keep_the_complete_link(tmp_path: Path) -> None:
    vehicle = torch.arange(4) // 2
    data = LinkData(torch.rand(4, 1024), Labels(vehicle, vehicle, vehicle), channel, lambda x: 16)
    recipe = LinkRecipe(1, 1, 1, vehicles_per_batch=2, images_per_vehicle=2)
    preset = presets(4)["synthetic"]
    reading = LinkReading(retraining="proposed")
    preset = Preset(
        32, 4e6, "combine", preset.encoder, preset.performers, recipe, True, reading=reading
    )
    encoder = MultiTaskNetwork(2)
    (tmp_path / "encoder.safetensors").write_bytes(b"a stand-in")
    stage = Stage(tmp_path, preset, ("ik-s-harq", "smsc-fir"), "cpu", lambda line: None)
    complete = complete_link(stage, encoder, data)
    for name in stage.schemes:
        before = {key: value.clone() for key, value in complete.items()}
        _train_scheme(stage, name, before, encoder, data)
        state, config = read_weights(tmp_path / f"{name}.safetensors")
        same = torch.equal(state["jsc_encoder.norm.weight"], complete["jsc_encoder.norm.weight"])
        assert same == (name == "ik-s-harq")
        assert config["recipe"]["selected_steps"] == 1  # that of the directory
        assert config["reading"] == reading.changed
