"""An encoder that was trained before, taken into the directory of a training (`--encoder`).

The losses of built-in schemes compare the training vehicles, which the encoder's performers must
know. An encoder that was trained on other images keeps its backbone, and its performers are fitted
to the training images.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from semantic.encoder.multitask import MultiTaskNetwork
from semantic.encoder.timm import DENSENET
from semantic.weights.files import file_hash, load_into, read_weights, save_weights
from semantic.weights.stored import load_encoder, weights_path
from simulator.files import write_whole
from simulator.training.backbone import preset_backbone
from simulator.training.encoder import IDENTITY_HEAD, fit_performers
from simulator.training.stage import Stage, TrainingImages

#: Entry of the config of a fitted encoder: SHA-256 of the file that its backbone is of.
BACKBONE_OF = "backbone_of_sha256"


def take_encoder(given: Path, stage: Stage, training_images: TrainingImages | None) -> None:
    """Puts an encoder into the directory of a stage; one that is there is kept.

    Args:
        given: Its file, or a directory that has it.
        stage: The stage; its preset must have the encoder's image size.
        training_images: Images whose vehicles its performers must know; None for schemes that use
            the encoder's outputs alone.

    Raises:
        ValueError: If it is no encoder, has another image size, or the directory has another one.
    """
    source, target = weights_path(str(given), "encoder"), stage.out / "encoder.safetensors"
    config = load_encoder(str(given), backbone=preset_backbone(stage.preset)).config
    size = config["image_size"]
    if size != stage.preset.image_size:
        raise ValueError(
            f"{source} is of images of {size} pixels, the preset has {stage.preset.image_size}: "
            "give another --preset"
        )
    if target.exists():
        _refuse_another(source, target, training_images)
    elif training_images is None or _knows(config, training_images):
        write_whole(target, lambda temporary: temporary.write_bytes(source.read_bytes()))
    else:
        _fit(source, config, stage, training_images)


def _knows(config: dict[str, Any], training_images: TrainingImages) -> bool:
    """Returns whether the classes of an encoder are the vehicles of some images."""
    return bool(config.get("images_sha256") == training_images.images.images_hash())


def _refuse_another(source: Path, target: Path, training_images: TrainingImages | None) -> None:
    """Checks that the encoder of a directory is of a given file and knows the images, if any."""
    _, config = read_weights(target)
    if file_hash(source) not in (file_hash(target), config.get(BACKBONE_OF)):
        raise ValueError(f"{target} is another encoder than {source}: give another --out")
    if training_images is not None and not _knows(config, training_images):
        raise ValueError(
            f"{target} knows the vehicles of other images than --data: give another --out"
        )


def _fit(source: Path, config: dict[str, Any], stage: Stage, images: TrainingImages) -> None:
    """Writes an encoder with the backbone of a file and performers of the training images."""
    stage.show(
        f"{source} was trained on other images: its task performers are fitted to those of --data"
    )
    identities = len(np.unique(images.images.vehicle))
    with torch.random.fork_rng([]):
        torch.manual_seed(stage.preset.performers.seed)
        network = MultiTaskNetwork(identities, config.get("backbone", DENSENET))
    state, own = read_weights(source)[0], network.state_dict()
    # Color and type go on from what they know; the vehicles are new.
    known = {n: v for n, v in state.items() if n in own and own[n].shape == v.shape}
    load_into(network, own | known, str(source))
    network.requires_grad_(False).eval().to(stage.device)
    fit_performers(stage, network, images)
    about = {
        "identities": identities,
        "data": images.images.name,
        "images_sha256": images.images.images_hash(),
        "performers": asdict(stage.preset.performers),
        BACKBONE_OF: file_hash(source),
    }
    target = stage.out / "encoder.safetensors"
    save_weights(target, network, config | about, coarse=IDENTITY_HEAD)
