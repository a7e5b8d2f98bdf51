"""The first half of `simulate train`: training images -> clean network -> s, the data of the links."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from semantic.data.dataset import VehicleImages
from semantic.data.images import load_images
from semantic.data.opening import open_dataset
from semantic.encoder.densenet import normalize
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.tasks import TaskOutputs
from semantic.training.encoder import train_encoder
from semantic.training.performers import refit_performers
from semantic.weights.files import load_imagenet, save_weights
from simulator.encoded_dataset import TILE
from simulator.ledger import Ledger
from simulator.results.curve import ACCURACIES, point
from simulator.results.image_rows import image_rows
from simulator.training.backbone import code_of_backbone, preset_backbone, read_encoder
from simulator.training.code import training_code
from simulator.training.pixels import training_pixels
from simulator.training.presets import Preset
from simulator.training.stage import Stage, TrainingImages
from simulator.training.views import encoder_outputs

#: The classifier of the training vehicles, which only trainings use, is stored in four bits.
IDENTITY_HEAD = ("performers.performers.0.weight",)


def read_training_images(
    images: VehicleImages,
    edge: int,
    directory: Path,
    show: Callable[[str], None],
    own: int | None = None,
) -> TrainingImages:
    """Decodes the training split; shows and leaves out images that cannot be read.

    Args:
        images: Names and labels.
        edge: Edge in pixels at which images are kept.
        directory: Directory of the training, where a large set is stored.
        show: Takes a line of text.
        own: Number of the first images that are not of the extra data; all if None.

    Raises:
        ValueError: If no image can be read.
    """
    pixels, kept, problems = training_pixels(images, edge, directory)
    for problem in problems:
        show(f"left out: {problem}")
    extra = np.arange(len(images)) >= (len(images) if own is None else own)
    return TrainingImages(images.subset(kept), pixels, extra[kept])


def train_clean(
    stage: Stage,
    training_images: TrainingImages,
    first: bool,
    imagenet: str | None,
    validate: Callable[[MultiTaskNetwork, int], None] | None,
) -> None:
    """Trains the encoder, then refits its performers on s: encoder.base and encoder.safetensors."""
    out, preset = stage.out, stage.preset
    base = train_encoder(
        training_images.pixels,
        training_images.images,
        preset.encoder,
        out / "encoder.checkpoint.safetensors",
        stage.log("encoder", preset.encoder.steps) if first else (lambda step, terms: None),
        validate=validate,
        device=stage.device,
        initialize=(lambda net: load_imagenet(net.encoder, imagenet)) if imagenet else None,
        extra=training_images.extra,
        about={"program": training_code(), **code_of_backbone(preset)},
    )
    if not first:
        return
    config = {
        "identities": base.performers.identities,
        "image_size": preset.image_size,
        "backbone": preset.encoder.backbone,
        "data": training_images.images.name,
        "images_sha256": training_images.images.images_hash(),
        "recipe": asdict(preset.encoder),
        "performers": asdict(preset.performers),
        **code_of_backbone(preset),
    }
    # Stored and read back: s then belongs to the rounded weights of the file.
    save_weights(out / "encoder.base.safetensors", base, config)
    network = open_encoder(stage, "encoder.base.safetensors")
    fit_performers(stage, network, training_images)
    save_weights(out / "encoder.safetensors", network, config, coarse=IDENTITY_HEAD)


def fit_performers(
    stage: Stage, network: MultiTaskNetwork, training_images: TrainingImages
) -> None:
    """Fits the performers of a clean network to s of the training images, in place."""
    s, labels = encoder_outputs(stage, network, training_images)
    refit_performers(
        network.performers,
        s,
        labels,
        stage.preset.performers,
        stage.out / "performers.checkpoint.safetensors",
        stage.log("performers", stage.preset.performers.steps),
        about={"program": training_code()},
    )


def join_processes(device: str) -> tuple[str, bool]:
    """Returns (device of this process, whether it is the first one); joins the others under torchrun."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return device, True
    on_gpu = device.startswith("cuda")
    torch.distributed.init_process_group("nccl" if on_gpu else "gloo")
    local = f"cuda:{os.environ['LOCAL_RANK']}" if on_gpu else device
    return local, torch.distributed.get_rank() == 0


def validator(
    data: str, preset: Preset, device: str, show: Callable[[str], None]
) -> Callable[[MultiTaskNetwork, int], None]:
    """Returns a function that shows rank-1, mAP, color and type of the clean network on test images.

    Args:
        data: Test images as --data names them; at most about 500 of them are used.
        preset: Gives the image size.
        device: Torch device.
        show: Prints a line.
    """
    images = open_dataset(data).limit(500, seed=0)
    pixels, kept, _ = load_images(images, preset.image_size)
    images = images.subset(kept)

    def validate(network: MultiTaskNetwork, step: int) -> None:
        parts = []
        with torch.inference_mode():
            for start in range(0, len(pixels), TILE):
                x = normalize(torch.from_numpy(pixels[start : start + TILE]).to(device))
                parts.append(TaskOutputs(*(v.cpu() for v in network.performers(network(x)))))
        outputs = TaskOutputs(*(torch.cat(column) for column in zip(*parts, strict=True)))
        rows = image_rows(images, outputs, Ledger.zeros(len(images)), ("",))
        values = {metric: point(rows, metric)["value"] for metric in ACCURACIES}
        show(f"validation at step {step}: " + ", ".join(f"{k} {v:.1f}" for k, v in values.items()))

    return validate


def open_encoder(stage: Stage, name: str = "encoder.safetensors") -> MultiTaskNetwork:
    """Returns the clean network of a weights file in the directory of a stage, frozen."""
    return read_encoder(stage.out / name, stage.device, preset_backbone(stage.preset))
