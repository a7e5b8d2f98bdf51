"""`simulate train`: the one place where training meets the channel.

images -> encoder (clean) -> s, once -> link with f complete -> each scheme's protocol -> weights
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
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
from semantic.data.names import nearest
from semantic.model import LinkNetwork, MultiTaskNetwork, save_link
from semantic.protocol import PROTOCOLS, Detector
from semantic.tasks import TaskOutputs
from semantic.timm_backbone import DENSENET
from semantic.training.calibration import calibrate_thresholds
from semantic.training.encoder import train_encoder
from semantic.training.labels import Labels, training_labels
from semantic.training.link import LinkData, train_complete, train_scheme
from semantic.training.log import Log
from semantic.training.performers import refit_performers
from semantic.training.round_trip import TrainingChannel
from semantic.weights import (
    file_hash,
    load_imagenet,
    load_into,
    read_weights,
    round_to_four_bits,
    save_weights,
    write_tensors,
)
from simulator.curve import ACCURACIES, point
from simulator.files import write_whole
from simulator.ledger import Ledger
from simulator.presets import Preset, presets
from simulator.schemes.semantic_harq import pack, unpack
from simulator.sweep import choose_device, image_rows


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


def train_from_options(
    preset: str,
    scheme: str,
    data_spec: str,
    out: Path,
    imagenet: str | None,
    backbone: str,
    snr_db: float | None,
    validation: str | None,
    seed: int,
    device: str,
    quiet: bool,
) -> None:
    """Trains what is missing in `out`.

    ```
    encoder.safetensors -> s -> link.complete.safetensors -> <scheme>.safetensors, one for each
    ```

    Under torchrun the encoder is trained by all processes; what follows, minutes, by the first.

    Raises:
        ValueError: When a scheme has nothing to train, or the data or weights are wrong.
    """
    schemes = [name.strip() for name in scheme.split(",") if name.strip()]
    for name in schemes:
        if name not in PROTOCOLS:
            raise ValueError(f"scheme {name!r} is not trained; {nearest(name, PROTOCOLS)}")
    device = choose_device(device)
    show = (lambda line: None) if quiet else print
    images = open_dataset(data_spec, "train")
    chosen = presets(len(images))[preset]
    chosen = replace(
        chosen,
        encoder=replace(chosen.encoder, seed=seed, backbone=backbone),
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
    device, first = join_processes(device)
    if not (out / "encoder.safetensors").exists():
        validate = None if validation is None else validator(validation, chosen, device, show)
        _train_encoder(pixels, images, chosen, out, device, show, first, imagenet, validate)
    if not first:
        return
    network = _encoder(out / "encoder.safetensors", device)
    s, labels = encoder_outputs(network, pixels, images, chosen, out, device, show)
    data = LinkData(s, labels, training_channel(Rician(), device), chosen.budget)
    complete = _complete(network, data, chosen, out, device, show)
    for name in schemes:
        path = out / f"{name}.safetensors"
        if not path.exists():
            _train_scheme(name, complete, network, data, chosen, path, device, show)
    show(f"{out}: {', '.join(['encoder', *schemes])}; use it as --weights {out}")


def _train_encoder(
    pixels: np.ndarray,
    images: VehicleImages,
    preset: Preset,
    out: Path,
    device: str,
    show: Callable[[str], None],
    first: bool,
    imagenet: str | None,
    validate: Callable[[MultiTaskNetwork, int], None] | None,
) -> None:
    """Encoder, then its performers once more on s: encoder.base and encoder.safetensors."""
    base = train_encoder(
        pixels,
        images,
        preset.encoder,
        out / "encoder.checkpoint.safetensors",
        Log(out / "encoder.log.jsonl", show) if first else (lambda step, terms: None),
        validate=validate,
        device=device,
        initialise=(lambda net: load_imagenet(net.encoder, imagenet)) if imagenet else None,
    )
    if not first:
        return
    config = {
        "identities": base.performers.identities,
        "image_size": preset.image_size,
        "backbone": preset.encoder.backbone,
        "data": images.name,
        "recipe": asdict(preset.encoder),
        "performers": asdict(preset.performers),
    }
    # Stored and read back: s is then that of the weights as they are shipped.
    save_weights(out / "encoder.base.safetensors", base, config)
    network = _encoder(out / "encoder.base.safetensors", device)
    s, labels = encoder_outputs(network, pixels, images, preset, out, device, show)
    report = Log(out / "performers.log.jsonl", show)
    refit_performers(network.performers, s, labels, preset.performers, report)
    save_weights(out / "encoder.safetensors", network, config)


def join_processes(device: str) -> tuple[str, bool]:
    """(this process's device, whether it is the first) under torchrun; alone, nothing changes."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return device, True
    on_gpu = device.startswith("cuda")
    torch.distributed.init_process_group("nccl" if on_gpu else "gloo")
    local = f"cuda:{os.environ['LOCAL_RANK']}" if on_gpu else device
    return local, torch.distributed.get_rank() == 0


def validator(
    data: str, preset: Preset, device: str, show: Callable[[str], None]
) -> Callable[[MultiTaskNetwork, int], None]:
    """Shows rank-1, mAP, colour and type of the clean network on test images; decides nothing.

    Args:
        data: Test images as --data names them; at most about 500 of them are used.
        preset: Its image size.
        device: Torch device.
        show: Takes a line.
    """
    images = open_dataset(data).limit(500, seed=0)
    pixels, kept, _ = load_images(images, preset.image_size)
    images = images.subset(kept)

    def validate(network: MultiTaskNetwork, step: int) -> None:
        parts = []
        with torch.inference_mode():
            for start in range(0, len(pixels), 64):
                x = normalise(torch.from_numpy(pixels[start : start + 64]).to(device))
                parts.append(TaskOutputs(*(v.cpu() for v in network.performers(network(x)))))
        outputs = TaskOutputs(*(torch.cat(column) for column in zip(*parts, strict=True)))
        rows = image_rows(images, outputs, Ledger.zeros(len(images)), ("",))
        values = {metric: point(rows, metric)["value"] for metric in ACCURACIES}
        show(f"validation at step {step}: " + ", ".join(f"{k} {v:.1f}" for k, v in values.items()))

    return validate


def _encoder(path: Path, device: str) -> MultiTaskNetwork:
    state, config = read_weights(path)
    network = MultiTaskNetwork(int(config["identities"]), config.get("backbone", DENSENET))
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
    repeated = Labels(*(c.repeat(preset.views).to(device) for c in training_labels(images).columns))
    digest = hashlib.sha256(pixels.tobytes())
    for value in network.encoder.state_dict().values():
        digest.update(value.cpu().numpy().tobytes())
    path = out / f"s-{digest.hexdigest()[:16]}.npy"
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
    return torch.from_numpy(np.load(path)).to(device), repeated


def _complete(
    encoder: MultiTaskNetwork,
    data: LinkData,
    preset: Preset,
    out: Path,
    device: str,
    show: Callable[[str], None],
) -> dict[str, Tensor]:
    """The link trained with f sent complete, which every scheme begins with: its state."""
    path = out / "link.complete.safetensors"
    torch.manual_seed(preset.link.seed)
    link = _fresh(encoder, None, preset, device)
    if path.exists():
        state, _ = read_weights(path)
        return state
    report = Log(out / "link.complete.log.jsonl", show)
    checkpoint = out / "link.complete.checkpoint.safetensors"
    train_complete(link, data, preset.link, checkpoint, report)
    write_tensors(path, link.state_dict(), {"config": json.dumps({"recipe": asdict(preset.link)})})
    return link.state_dict()


def _fresh(
    encoder: MultiTaskNetwork, detector: Detector | None, preset: Preset, device: str
) -> LinkNetwork:
    """An untrained link whose performers are the clean ones: the same, or a copy to train."""
    shared = encoder.performers if preset.share_performers else None
    link = LinkNetwork(encoder.performers.identities, preset.buffer, detector, shared)
    if shared is None:
        link.performers.load_state_dict(encoder.performers.state_dict())
    return link.to(device)


def _train_scheme(
    scheme: str,
    complete: dict[str, Tensor],
    encoder: MultiTaskNetwork,
    data: LinkData,
    preset: Preset,
    path: Path,
    device: str,
    show: Callable[[str], None],
) -> None:
    """One scheme by its own protocol, then its thresholds, then its file."""
    protocol = PROTOCOLS[scheme]
    torch.manual_seed(preset.link.seed)
    link = _fresh(encoder, protocol.detector, preset, device)
    link.load_state_dict(link.state_dict() | complete)
    checkpoint = path.with_name(f"{scheme}.checkpoint.safetensors")
    report = Log(path.with_name(f"{scheme}.log.jsonl"), show)
    train_scheme(link, protocol, data, preset.link, checkpoint, report)
    round_to_four_bits(link)  # its thresholds are then those of the weights as they are shipped
    if protocol.again == "distorted":
        calibrate_thresholds(link, protocol, data.s, data.channel, data.budget)
    config = {
        "encoder_sha256": file_hash(path.with_name("encoder.safetensors")),
        "bandwidth_hz": preset.bandwidth_hz,
        "recipe": asdict(preset.link),
    }
    save_link(path, link, config)
