"""Interpretations of the training objective of F in the paper, compared behind the same coder.

    simulate train --scheme semharq --data data/train --out weights
    python benchmarks/fde_readings.py data/train --weights weights --out readings

The papers train F on pairs (s, s_hat), but at run time its input is z_hat, and they do not say how
two vectors become one input. Each interpretation trains a new F for the same number of steps, with
the coder and decoder of `semharq` fixed. Then the thresholds are calibrated and the scheme is run,
so that only the detector differs. References for comparison: no retransmission; z_hat itself as d;
an F trained with the labels "error above the median", which shows what these layers can learn; an F
with |h| as input; and a genie that knows the errors.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from fde import detection, encoded_images
from torch import Tensor
from torch.nn import functional

from semantic.conventions import CODED_FEATURES
from semantic.distortion.mine import mine_bound
from semantic.distortion.network import FdeNetwork, FdeOutput
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.training.calibration import calibrate_thresholds
from semantic.training.fde import Information, ReceivedFeatures, feature_information
from semantic.training.link import train_scheme
from semantic.training.log import Log
from semantic.training.loop import LinkData, LinkRecipe
from semantic.weights.files import round_to_four_bits
from semantic.weights.stored import load_link, save_link
from simulator import Engine, simulate
from simulator.scheme import Scheme
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.setup.networks import Networks
from simulator.spec import RunSpec
from simulator.training.data import open_training_images
from simulator.training.encoder import read_training_images
from simulator.training.links import link_data
from simulator.training.presets import presets
from simulator.training.stage import Stage

METRICS = ["rank1", "mAP", "color_accuracy", "type_accuracy", "channel_uses"]


class Denoiser(FdeNetwork):
    """F's layers as a denoiser of z_hat: what it does not expect is distorted."""

    def estimate(self, z_padded: Tensor) -> Tensor:
        """z [batch, L] as F would have it."""
        found: Tensor = self.judge(self.compress(z_padded))
        return found

    def forward(self, z_padded: Tensor) -> FdeOutput:
        """Similar is what lies near the estimate."""
        similarity = torch.exp(-(z_padded - self.estimate(z_padded)).abs())
        return FdeOutput(similarity, self.statistic(similarity).squeeze(1))


def denoiser(networks: Networks) -> Scheme:
    """SemHARQ whose F is the denoiser; `simulate` finds it as fde_readings:denoiser."""
    network = networks.link("semharq")
    fde = Denoiser()
    assert network.fde is not None
    fde.load_state_dict(network.fde.state_dict())
    network.fde = fde.requires_grad_(False).eval()
    return SemanticHarq(networks.encoder.network, network, PROTOCOLS["semharq"])


def _f(received: ReceivedFeatures) -> FdeNetwork:
    assert received.network.fde is not None
    return received.network.fde


def _pairs(
    score: Callable[[Tensor], Tensor], one: Tensor, other: Tensor, received: ReceivedFeatures
) -> Tensor:
    """Returns the bound if F reads the product of two vectors, of one image or of two images."""
    marginal = torch.cat([score(one.roll(k, 0) * other) for k in received.shifts])
    return mine_bound(score(one * other), marginal)


def as_printed(received: ReceivedFeatures) -> Tensor:
    """Pairs (s, s_hat) of eq. 7, multiplied: vectors of one image have equal signs."""
    with torch.no_grad():
        s_hat, _ = received.network.decode(received.buffer)
    return _pairs(
        lambda x: _f(received)(x).score, received.s / received.network.scale, s_hat, received
    )


def sent_and_received(received: ReceivedFeatures) -> Tensor:
    """The same for (z, z_hat), the input of F at run time."""
    z_hat = received.network.fde_input(received.buffer)
    return _pairs(lambda x: _f(received)(x).score, received.z, z_hat, received)


def exchanged(received: ReceivedFeatures) -> Tensor:
    """Received vectors against vectors with half of their features from another image."""
    z_hat = received.network.fde_input(received.buffer)
    half = torch.rand(z_hat.shape) < 0.5
    mixed = [
        _f(received)(torch.where(half, z_hat.roll(k, 0), z_hat)).score for k in received.shifts
    ]
    return mine_bound(_f(received)(z_hat).score, torch.cat(mixed))


def channel_alone(received: ReceivedFeatures) -> Tensor:
    """No information: F is trained with L_CH only."""
    return torch.zeros(())


def residual(received: ReceivedFeatures) -> Tensor:
    """The negative squared error of the denoiser."""
    fde, seen = _f(received), received.network.fde_input(received.buffer)
    assert isinstance(fde, Denoiser)
    here = seen != 0
    return -(fde.estimate(seen) - received.z)[here].square().mean()


def with_labels(received: ReceivedFeatures) -> Tensor:
    """The cross-entropy of the labels "error above the median"."""
    seen = received.network.fde_input(received.buffer)
    z_hat = received.buffer.received()
    here = z_hat != 0
    error = (z_hat - received.z).abs()[here]
    d = _f(received).distortion(seen)[here]
    return -functional.binary_cross_entropy(d, (error > error.median()).float())


@dataclass(frozen=True)
class Reading:
    """One way to train F.

    Attributes:
        information: The term that training maximizes in addition to -L_CH.
        scheme: The scheme that is run, with whose protocol F is trained. F of semharq-csi reads |h|.
        network: The class of F.
        plain: Whether the score starts from torch's initialization instead of `pair_scores`.
    """

    information: Information
    scheme: str = "semharq"
    network: type[FdeNetwork] = FdeNetwork
    plain: bool = False


READINGS = {
    "features (default)": Reading(feature_information),
    "given the labels": Reading(with_labels),
    "(s, s_hat) as printed": Reading(as_printed, plain=True),
    "(z, z_hat)": Reading(sent_and_received, plain=True),
    "exchanged features": Reading(exchanged, plain=True),
    "L_CH alone": Reading(channel_alone),
    "denoiser's residual": Reading(residual, network=Denoiser),
    "features, F sees |h|": Reading(feature_information, "semharq-csi"),
}
#: What needs no training: label -> the scheme whose detector stands behind the same coder.
OTHERS = {
    "nothing again": "ik-s-harq",
    "z_hat itself": "semharq-no-fde",
    "genie": "semharq-oracle",
}


def with_detector(link: LinkNetwork, scheme: str, data: LinkData, path: Path) -> None:
    """Stores coder and decoder of `link` with the untrained detector of a scheme."""
    protocol = PROTOCOLS[scheme]
    found = LinkNetwork(
        link.performers.identities, link.buffer_name, protocol.detector, link.performers
    )
    state = {name: v for name, v in link.state_dict().items() if not name.startswith("fde.")}
    found.load_state_dict(state)
    found.eval()
    if protocol.retransmit == "distorted":
        calibrate_thresholds(found, protocol, data.s, data.channel, data.budget)
    save_link(path, found, {})


def train_reading(
    link: LinkNetwork, reading: Reading, data: LinkData, steps: int, out: Path
) -> None:
    """Trains an F of its own for the link and leaves its weights in `out`."""
    protocol = PROTOCOLS[reading.scheme]
    torch.manual_seed(0)
    link.detector = protocol.detector
    link.fde = reading.network(inputs=CODED_FEATURES * (2 if link.detector == "fde-csi" else 1))
    if reading.plain:
        link.fde.statistic.reset_parameters()
    recipe = LinkRecipe(fde_steps=steps, selected_steps=0)
    log = Log(out / "fde.log.jsonl", lambda line: None)
    checkpoint = out / "fde.checkpoint.safetensors"
    train_scheme(link, protocol, data, recipe, checkpoint, log, reading.information)
    round_to_four_bits(link)
    calibrate_thresholds(link, protocol, data.s, data.channel, data.budget)
    save_link(out / f"{reading.scheme}.safetensors", link, {})


def main() -> None:
    """Trains, measures, and writes readings.csv."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="training images, as for `simulate train`")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[*READINGS, *OTHERS])
    parser.add_argument("--snr", default="-6:8:2")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("readings"))
    chosen = parser.parse_args()
    images = read_training_images(
        open_training_images(chosen.data, print), 128, chosen.weights, print
    )
    preset = presets(len(images.images))["synthetic"]
    stage = Stage(chosen.weights, preset, ("semharq",), "cpu", print)
    encoder, data = link_data(stage, images)
    spec = RunSpec(weights=str(chosen.weights), device="cpu")
    s, rows = encoded_images(spec), []
    for name in chosen.only or [*READINGS, *OTHERS]:
        out = chosen.out / name.translate(str.maketrans(" |", "-_", "'(),"))
        out.mkdir(parents=True, exist_ok=True)
        shutil.copy(chosen.weights / "encoder.safetensors", out)
        link, _ = load_link("semharq", encoder.performers, str(chosen.weights))
        areas = pd.Series(dtype=float)
        if name in READINGS:
            reading = READINGS[name]
            train_reading(link, reading, data, chosen.steps, out)
            areas = detection(link, s, spec.slot_s, spec.bandwidth).set_index("snr_db")["d"]
            scheme = "fde_readings:denoiser" if reading.network is Denoiser else reading.scheme
        else:
            scheme = OTHERS[name]
            with_detector(link, scheme, data, out / f"{scheme}.safetensors")
        curve = simulate(
            scheme,
            chosen.snr,
            seeds=chosen.seeds,
            weights=str(out),
            out=out / "run",
            engine=Engine("auto"),
        )
        table = curve[curve["metric"].isin(METRICS)]
        table = table.pivot(index="snr_db", columns="metric", values="value").reset_index()
        table.insert(0, "reading", name)
        table["auroc"] = table["snr_db"].map(areas)
        rows.append(table)
        print(table.round(2).to_string(index=False), flush=True)
    pd.concat(rows).round(3).to_csv(chosen.out / "readings.csv", index=False)


if __name__ == "__main__":
    main()
