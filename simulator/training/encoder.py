"""The first half of `simulate train`: training images -> clean network -> s, the data of the links."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from semantic.data.dataset import VehicleImages
from semantic.data.images import load_images
from semantic.data.opening import open_dataset
from semantic.encoder.densenet import normalize
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.tasks import TaskOutputs
from semantic.training.encoder import train_encoder
from semantic.training.labels import Labels, training_labels
from semantic.training.log import Log
from semantic.training.performers import refit_performers
from semantic.weights.files import (
    file_hash,
    load_imagenet,
    save_weights,
)
from semantic.weights.stored import (
    load_encoder,
    weights_path,
)
from simulator.encoded_dataset import TILE
from simulator.files import write_whole
from simulator.ledger import Ledger
from simulator.results.curve import ACCURACIES, point
from simulator.results.image_rows import image_rows
from simulator.training.backbone import code_of_backbone, preset_backbone, read_encoder
from simulator.training.code import training_code
from simulator.training.presets import Preset

#: The classifier of the training vehicles, which only trainings use, is stored in four bits.
IDENTITY_HEAD = ("performers.performers.0.weight",)


@dataclass(frozen=True)
class TrainingImages:
    """Decoded training images.

    Attributes:
        images: Names and labels of the images that could be read.
        pixels: [images, edge, edge, 3] uint8.
        extra: Images of the extra data, [images] bool.
    """

    images: VehicleImages
    pixels: np.ndarray
    extra: np.ndarray


@dataclass(frozen=True)
class Stage:
    """One encoder and the links behind it, in one directory.

    Attributes:
        out: The directory.
        preset: Options of training.
        schemes: Schemes of the links.
        device: Torch device.
        show: Prints a line of text.
        bar: Shows what is trained, the steps done, and all of them.
        note: What the weights of the links record beside their settings.
    """

    out: Path
    preset: Preset
    schemes: tuple[str, ...]
    device: str
    show: Callable[[str], None]
    bar: Callable[[str, int, int], None] = lambda what, done, total: None
    note: Mapping[str, Any] = field(default_factory=dict)

    def log(self, name: str, steps: int) -> Log:
        """Returns the log of one training of this directory."""
        what = f"{self.out.name}/{name}"
        path = self.out / f"{name}.log.jsonl"
        show = self.show
        return Log(
            path,
            lambda line: show(f"{what} of {steps}: {line}"),
            lambda done: self.bar(what, done, steps),
        )


def read_training_images(
    images: VehicleImages, edge: int, show: Callable[[str], None], own: int | None = None
) -> TrainingImages:
    """Decodes the training split; shows and leaves out images that cannot be read.

    Args:
        images: Names and labels.
        edge: Edge in pixels at which images are kept.
        show: Takes a line of text.
        own: Number of the first images that are not of the extra data; all if None.

    Raises:
        ValueError: If no image can be read.
    """
    pixels, kept, problems = load_images(images, edge)
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
    s, labels = encoder_outputs(stage, network, training_images)
    report = stage.log("performers", preset.performers.steps)
    checkpoint = out / "performers.checkpoint.safetensors"
    refit_performers(
        network.performers,
        s,
        labels,
        preset.performers,
        checkpoint,
        report,
        about={"program": training_code()},
    )
    save_weights(out / "encoder.safetensors", network, config, coarse=IDENTITY_HEAD)


def take_encoder(given: Path, stage: Stage) -> None:
    """Copies an encoder that was trained before into the directory of a stage.

    Args:
        given: Its file, or a directory that has it.
        stage: The stage; its preset must have the encoder's image size.

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
    if not target.exists():
        write_whole(target, lambda temporary: temporary.write_bytes(source.read_bytes()))
    elif file_hash(target) != file_hash(source):
        raise ValueError(f"{target} is another encoder than {source}: give another --out")


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


def outputs_path(out: Path, network: MultiTaskNetwork, pixels: np.ndarray) -> Path:
    """Returns the file of s in a directory: it depends on the images and on the encoder."""
    digest = hashlib.sha256(pixels.tobytes())
    for value in network.encoder.state_dict().values():
        digest.update(value.cpu().numpy().tobytes())
    return out / f"s-{digest.hexdigest()[:16]}.npy"


def encoder_outputs(
    stage: Stage, network: MultiTaskNetwork, training_images: TrainingImages
) -> tuple[Tensor, Labels]:
    """Returns (s [views x images, 1024], labels of the same rows); s is cached in the directory."""
    pixels, views, edge = training_images.pixels, stage.preset.views, stage.preset.image_size
    labels = training_labels(training_images.images)
    repeated = Labels(*(c.repeat(views).to(stage.device) for c in labels.columns))
    path = outputs_path(stage.out, network, pixels)
    if not path.exists():
        parts = []
        with torch.inference_mode():
            for view in range(views):
                for start in range(0, len(pixels), TILE):
                    x = normalize(torch.from_numpy(pixels[start : start + TILE]).to(stage.device))
                    if x.shape[-1] != edge:
                        size = (edge, edge)
                        x = functional.interpolate(x, size, mode="bilinear", antialias=True)
                    parts.append(network.encoder(x.flip(-1) if view else x).cpu())
                    if start % 6400 == 0:
                        stage.show(f"encoding view {view + 1} of {views}, image {start}")
        s = torch.cat(parts).numpy()
        write_whole(path, lambda temporary: np.save(temporary, s))
    return torch.from_numpy(np.load(path)).to(stage.device), repeated
