"""`simulate train`: the one place where training meets the channel.

images -> encoder (stage 0, clean) -> s, once -> link (stages 1-3) -> thresholds -> weights
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from phy.channel import Channel
from phy.fading import Rician
from phy.power import normalise_power
from phy.snr import noise_variance
from phy.streams import BatchStreams
from semantic.backbone import normalise
from semantic.data.dataset import VehicleImages, open_dataset
from semantic.data.images import load_images
from semantic.model import LinkNetwork, MultiTaskNetwork
from semantic.training.calibration import calibrate_thresholds
from semantic.training.encoder import EncoderRecipe, train_encoder
from semantic.training.labels import Labels, training_labels
from semantic.training.link import LinkRecipe, TrainingChannel, train_link
from semantic.weights import file_hash, load_imagenet, load_into, read_weights, save_weights
from simulator.catalog import SCHEMES
from simulator.files import write_whole
from simulator.schemes.semantic_harq import pack, unpack
from simulator.slots import Slot
from simulator.spec import BANDWIDTH_HZ, SLOT_S, SYNTHETIC_BANDWIDTH_HZ
from simulator.sweep import choose_device


@dataclass(frozen=True)
class Preset:
    """How one preset is trained.

    Attributes:
        image_size: Edge in pixels at which images are stored and evaluated.
        bandwidth_hz: W of the slots of stage 3.
        buffer: Receiver buffer.
        encoder: Recipe of the encoder.
        link: Recipe of everything behind it.
        views: s is computed of this many views of each image: as it is, and mirrored.
    """

    image_size: int
    bandwidth_hz: float
    buffer: str
    encoder: EncoderRecipe
    link: LinkRecipe
    views: int = 2


def presets(images: int) -> dict[str, Preset]:
    """The presets; the paper's counts epochs of batches of 32, so it needs the number of images."""
    epoch = -(-images // 32)
    return {
        "synthetic": Preset(96, SYNTHETIC_BANDWIDTH_HZ, "combine", EncoderRecipe(), LinkRecipe()),
        "paper": Preset(
            256,
            BANDWIDTH_HZ,
            "concatenate",
            EncoderRecipe(phases=((256, 40 * epoch),), learning_rate=1e-4),
            LinkRecipe(
                fde_steps=30 * epoch,
                complete_steps=40 * epoch,
                selected_steps=65 * epoch,
                learning_rate=1e-4,
                vehicles_per_batch=8,
            ),
        ),
    }


def training_channel(channel: Channel, device: str) -> TrainingChannel:
    """The simulator's own channel as the training loop takes it: power control, fading, noise."""

    def send(
        features: Tensor, sent: Tensor, snr_db: float, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        streams: Any = BatchStreams(generator, len(features), device)
        z = normalise_power(features, sent.sum(1))
        x = pack(z, 1)
        h, _ = channel.draw(streams, x.shape[1], None)
        received = channel.apply(x, h, noise_variance(snr_db), streams)
        return unpack(received, x.shape[1], 1)

    return send


class Log:
    """Means of the loss terms every `every` steps: to a callback, a JSON-lines file, TensorBoard."""

    def __init__(self, path: Path, show: Callable[[str], None], every: int = 50) -> None:
        self._path, self._show, self._every = path, show, every
        self._sums: dict[str, list[float]] = {}
        self._start = time.monotonic()
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(path.with_suffix("")))
        except ImportError:
            pass  # the extra [train] brings it

    def __call__(self, step: int, terms: dict[str, float]) -> None:
        """Takes one step's terms."""
        for name, value in terms.items():
            self._sums.setdefault(name, []).append(value)
        if (step + 1) % self._every:
            return
        means = {name: round(float(np.mean(values)), 4) for name, values in self._sums.items()}
        self._sums.clear()
        line = {"step": step + 1, "seconds": round(time.monotonic() - self._start, 1), **means}
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        if self._writer is not None:
            for name, value in means.items():
                self._writer.add_scalar(name, value, step + 1)
        self._show(" ".join(f"{name} {value:g}" for name, value in line.items()))


def train_from_options(
    preset: str,
    scheme: str,
    data_spec: str,
    out: Path,
    imagenet: str | None,
    snr_db: float | None,
    seed: int,
    device: str,
    quiet: bool,
) -> None:
    """Trains what is missing in `out`: encoder.safetensors, then <scheme>.safetensors.

    Raises:
        ValueError: When the scheme has nothing to train, or the data or weights are wrong.
    """
    if scheme not in TRAINED:
        raise ValueError(f"scheme {scheme!r} is not trained: {', '.join(TRAINED)} are")
    device = choose_device(device)
    show = (lambda line: None) if quiet else print
    images = open_dataset(data_spec, "train")
    chosen = presets(len(images))[preset]
    chosen = replace(
        chosen,
        encoder=replace(chosen.encoder, seed=seed),
        link=replace(
            chosen.link,
            seed=seed,
            snr_db=(snr_db, snr_db) if snr_db is not None else chosen.link.snr_db,
        ),
    )
    stored = max(chosen.image_size, 128) if preset == "synthetic" else chosen.image_size
    pixels, kept, problems = load_images(images, stored)
    for problem in problems:
        show(f"left out: {problem}")
    images = images.subset(kept)
    out.mkdir(parents=True, exist_ok=True)
    encoder_file = out / "encoder.safetensors"
    if not encoder_file.exists():
        network = train_encoder(
            pixels,
            images,
            chosen.encoder,
            out / "encoder.checkpoint.safetensors",
            Log(out / "encoder.log.jsonl", show),
            device=device,
            initialise=(lambda net: load_imagenet(net.encoder, imagenet)) if imagenet else None,
        )
        config = {
            "identities": network.performers.identities,
            "image_size": chosen.image_size,
            "data": images.name,
            "recipe": asdict(chosen.encoder),
        }
        save_weights(encoder_file, network, config)
    network = _encoder(encoder_file, device)
    s, labels = encoder_outputs(network, pixels, images, chosen, out, device, show)
    link_file = out / f"{scheme}.safetensors"
    if not link_file.exists():
        link = train_scheme(scheme, network, s, labels, chosen, out, device, show)
        config = {
            "identities": link.performers.identities,
            "buffer": link.buffer_name,
            "use_fde": link.fde is not None,
            "encoder_sha256": file_hash(encoder_file),
            "bandwidth_hz": chosen.bandwidth_hz,
            "recipe": asdict(chosen.link),
        }
        save_weights(link_file, link, config)
    show(f"{out}: {encoder_file.name}, {link_file.name}; use it as --weights {out}")


#: Schemes with weights of their own: whether they have an FDE network.
TRAINED: dict[str, bool] = {"semharq": True}
assert set(TRAINED) <= set(SCHEMES)


def _encoder(path: Path, device: str) -> MultiTaskNetwork:
    state, config = read_weights(path)
    network = MultiTaskNetwork(int(config["identities"]))
    load_into(network, state, str(path))
    return network.requires_grad_(False).eval().to(device)


def encoder_outputs(
    network: MultiTaskNetwork,
    pixels: np.ndarray,
    images: VehicleImages,
    preset: Preset,
    out: Path,
    device: str,
    show: Callable[[str], None],
) -> tuple[Tensor, Labels]:
    """(s [views x images, 1024], labels of the same rows), kept in `out` between runs."""
    labels = training_labels(images)
    repeated = Labels(*(column.repeat(preset.views) for column in labels.columns))
    path = out / "s.npy"
    if not path.exists():
        parts = []
        with torch.inference_mode():
            for view in range(preset.views):
                for start in range(0, len(pixels), 64):
                    x = normalise(torch.from_numpy(pixels[start : start + 64]).to(device))
                    if x.shape[-1] != preset.image_size:
                        size = (preset.image_size, preset.image_size)
                        x = functional.interpolate(x, size, mode="bilinear", antialias=True)
                    parts.append(network.encoder(x.flip(-1) if view else x).cpu())
                    if start % 6400 == 0:
                        show(f"encoding view {view + 1} of {preset.views}, image {start}")
        s = torch.cat(parts).numpy()
        write_whole(path, lambda temporary: np.save(temporary, s))
    return torch.from_numpy(np.load(path)), repeated


def train_scheme(
    scheme: str,
    network: MultiTaskNetwork,
    s: Tensor,
    labels: Labels,
    preset: Preset,
    out: Path,
    device: str,
    show: Callable[[str], None],
) -> LinkNetwork:
    """Stages 1 to 3 for one scheme, then the thresholds of its FDE network."""
    torch.manual_seed(preset.link.seed)
    link = LinkNetwork(labels.identities, preset.buffer, use_fde=TRAINED[scheme]).to(device)
    channel = training_channel(Rician(), device)

    def budget(snr_db: float) -> int:
        return Slot(snr_db, SLOT_S, preset.bandwidth_hz).features

    s, on_device = s.to(device), Labels(*(column.to(device) for column in labels.columns))
    train_link(
        link,
        s,
        on_device,
        channel,
        budget,
        preset.link,
        out / f"{scheme}.checkpoint.safetensors",
        Log(out / f"{scheme}.log.jsonl", show),
    )
    if link.fde is not None:
        calibrate_thresholds(link, s, channel, budget)
    return link
