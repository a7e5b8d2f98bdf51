"""`simulate train --reading encoder=joint`: each scheme has an encoder of its own, trained with it.

    OUT/encoder.safetensors -> OUT/system.complete.safetensors -> OUT/SCHEME/encoder.safetensors
                                                                  OUT/SCHEME/SCHEME.safetensors

A run takes the weights of one scheme: `simulate --weights OUT/SCHEME --scheme SCHEME`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import torch
from torch import Tensor

from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS, Detector
from semantic.suggest import nearest
from semantic.training.calibration import calibrate_thresholds
from semantic.training.labels import Labels, training_labels
from semantic.training.loop import LinkData
from semantic.training.system import System, first_stage, train_first_stage, train_system
from semantic.weights.files import (
    file_hash,
    read_weights,
    round_to_four_bits,
    save_weights,
    write_tensors,
)
from semantic.weights.stored import save_link
from simulator.training.channel import preset_channel
from simulator.training.code import link_note
from simulator.training.encoder import open_encoder
from simulator.training.other_options import refuse_other_options
from simulator.training.presets import Preset
from simulator.training.stage import Stage, TrainingImages

#: Peak learning rate, below that of a link alone: the encoder has been trained before.
LEARNING_RATE = 3e-4


def joint_preset(preset: Preset) -> Preset:
    """Returns a preset whose links are trained with batches of the encoder's size."""
    encoder = preset.encoder
    rate = min(preset.link.learning_rate, LEARNING_RATE)
    link = replace(
        preset.link,
        vehicles_per_batch=encoder.vehicles_per_batch,
        images_per_vehicle=encoder.images_per_vehicle,
        learning_rate=rate,
    )
    return replace(preset, link=link)


def train_joint(stage: Stage, images: TrainingImages) -> None:
    """Trains encoder and link together, for each scheme of a stage whose weights are missing.

    Args:
        stage: Directory with the encoder from which the training starts, preset and schemes.
        images: Decoded training images.

    Raises:
        ValueError: For a scheme that is not of the papers, or weights of other options.
    """
    for name in stage.schemes:
        if name not in PROTOCOLS or stage.out.name.startswith("stc-"):
            raise ValueError(
                f"reading encoder=joint is not for scheme {name!r}: {nearest(name, PROTOCOLS)}"
            )
    stage = replace(stage, preset=joint_preset(stage.preset))
    pixels = torch.from_numpy(images.pixels)
    labels = Labels(*(c.to(stage.device) for c in training_labels(images.images).columns))
    start = _complete(stage, pixels, labels)
    for name in stage.schemes:
        path = stage.out / name / f"{name}.safetensors"
        if path.exists():
            refuse_other_options(path, stage.preset)
        else:
            _train_scheme(stage, name, start, pixels, labels)
        stage.show(f"use it as --weights {path.parent} --scheme {name}")


def _opened(stage: Stage, detector: Detector | None) -> tuple[MultiTaskNetwork, System]:
    """Returns the encoder before the training, and the system of it and a new link."""
    preset = stage.preset
    clean = open_encoder(stage).requires_grad_(True)
    torch.manual_seed(preset.link.seed)
    shared = clean.performers if preset.share_performers else None
    identities = clean.performers.identities
    link = LinkNetwork(identities, preset.buffer, detector, shared, reading=preset.reading)
    if shared is None:
        link.performers.load_state_dict(clean.performers.state_dict())
    return clean, System(clean, link, preset.image_size).to(stage.device)


def _data(stage: Stage, system: System, pixels: Tensor, labels: Labels) -> LinkData:
    s = system.outputs(pixels, stage.device)
    channel, note = preset_channel(stage.preset, stage.device), link_note(stage.preset)
    return LinkData(s, labels, channel, stage.preset.budget, note)


def _complete(stage: Stage, pixels: Tensor, labels: Labels) -> dict[str, Tensor]:
    """Returns the state of the system trained with all of f, from which every scheme starts."""
    path, recipe = stage.out / "system.complete.safetensors", stage.preset.link
    if path.exists():
        refuse_other_options(path, stage.preset)
        return read_weights(path)[0]
    detector = first_stage(LinkNetwork(2, detector=None, reading=stage.preset.reading)).detector
    _, system = _opened(stage, detector)
    data = _data(stage, system, pixels, labels)
    report = stage.log("system.complete", recipe.complete_steps)
    checkpoint = stage.out / "system.complete.checkpoint.safetensors"
    train_first_stage(system.link, data, recipe, checkpoint, report, system, pixels)
    config = {"recipe": asdict(recipe), "buffer": stage.preset.buffer, **stage.preset.changed}
    write_tensors(path, system.state_dict(), {"config": json.dumps(config | dict(stage.note))})
    return system.state_dict()


def _train_scheme(
    stage: Stage, name: str, start: dict[str, Tensor], pixels: Tensor, labels: Labels
) -> None:
    """Trains the system by the protocol of a scheme; writes its encoder and its link."""
    preset, protocol, out = stage.preset, PROTOCOLS[name], stage.out / name
    out.mkdir(parents=True, exist_ok=True)
    clean, system = _opened(stage, protocol.detector)
    own = system.state_dict()
    system.load_state_dict(
        own | {k: v for k, v in start.items() if k in own and own[k].shape == v.shape}
    )
    data = _data(stage, system, pixels, labels)
    report = stage.log(name, preset.link.selected_steps)
    checkpoint = out / f"{name}.checkpoint.safetensors"
    link, recipe = system.link, preset.link
    train_system(link, protocol, data, recipe, False, checkpoint, report, system, pixels)
    _, config = read_weights(stage.out / "encoder.safetensors")
    save_weights(out / "encoder.safetensors", clean, {**config, "joint": asdict(recipe)})
    round_to_four_bits(link)
    if protocol.retransmit == "distorted":
        data = _data(stage, system, pixels, labels)
        calibrate_thresholds(link, protocol, data.s, data.channel, data.budget)
    about = {
        "encoder_sha256": file_hash(out / "encoder.safetensors"),
        "bandwidth_hz": preset.bandwidth_hz,
        "recipe": asdict(recipe),
        **preset.changed,
        **stage.note,
    }
    save_link(out / f"{name}.safetensors", link, about)
