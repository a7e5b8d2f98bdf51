"""s of the training images, the data of the links: plain and mirrored views, and changed ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from semantic.encoder.densenet import normalize
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.training.augmentation import augment
from semantic.training.encoder import step_seed
from semantic.training.labels import Labels, training_labels
from simulator.encoded_dataset import TILE
from simulator.files import write_whole
from simulator.training.stage import Stage, TrainingImages


def outputs_path(
    out: Path, network: MultiTaskNetwork, training_images: TrainingImages, extra_views: int = 0
) -> Path:
    """Returns the file of s in a directory: it depends on the images, the views and the encoder."""
    digest = hashlib.sha256()
    for start in range(0, len(training_images.pixels), 1024):  # in parts: they may be on disk
        digest.update(training_images.pixels[start : start + 1024].tobytes())
    for value in network.encoder.state_dict().values():
        digest.update(value.cpu().numpy().tobytes())
    if extra_views and training_images.extra.any():
        digest.update(f"{extra_views} ".encode() + training_images.extra.tobytes())
    return out / f"s-{digest.hexdigest()[:16]}.npy"


def encoder_outputs(
    stage: Stage,
    network: MultiTaskNetwork,
    training_images: TrainingImages,
    extra_views: int = 0,
) -> tuple[Tensor, Labels]:
    """Returns (s [rows, 1024], labels of the same rows); s is cached in the directory.

    Args:
        stage: Its preset gives the image size and the views of every image.
        network: The encoder.
        training_images: Images, of which some may be extra data.
        extra_views: Further views of each image of the extra data, with strong augmentation.
    """
    extra = np.flatnonzero(training_images.extra)
    labels = training_labels(training_images.images)
    rows = np.concatenate(
        [np.tile(np.arange(len(training_images.extra)), stage.preset.views)] + [extra] * extra_views
    )
    repeated = Labels(*(column[rows].to(stage.device) for column in labels.columns))
    path = outputs_path(stage.out, network, training_images, extra_views)
    if not path.exists():
        pixels = training_images.pixels
        parts = list(_plain_views(stage, network, pixels))
        parts += _changed_views(stage, network, pixels[extra], extra_views)
        s = torch.cat(parts).numpy()
        write_whole(path, lambda temporary: np.save(temporary, s))
    return torch.from_numpy(np.load(path)).to(stage.device), repeated


@torch.inference_mode()
def _plain_views(stage: Stage, network: MultiTaskNetwork, pixels: np.ndarray) -> Iterator[Tensor]:
    """Yields s of the images as they are, then mirrored."""
    views, edge = stage.preset.views, stage.preset.image_size
    for view in range(views):
        for start in range(0, len(pixels), TILE):
            x = normalize(torch.from_numpy(pixels[start : start + TILE]).to(stage.device))
            if x.shape[-1] != edge:
                size = (edge, edge)
                x = functional.interpolate(x, size, mode="bilinear", antialias=True)
            yield network.encoder(x.flip(-1) if view else x).cpu()
            if start % 6400 == 0:
                stage.show(f"encoding view {view + 1} of {views}, image {start}")


@torch.inference_mode()
def _changed_views(
    stage: Stage, network: MultiTaskNetwork, pixels: np.ndarray, views: int
) -> Iterator[Tensor]:
    """Yields s of the images with random changes that depend on the number of the view alone.

    The file of s is shared by links of all seeds: their seed must not change it.
    """
    for view in range(views):
        generator = torch.Generator().manual_seed(step_seed(0, 11, view))
        for start in range(0, len(pixels), TILE):
            tile = torch.from_numpy(pixels[start : start + TILE])
            x = augment(tile, stage.preset.image_size, generator, "strong")
            yield network.encoder(x.to(stage.device)).cpu()
