"""Training of deepjscc, which needs pixels and no encoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import torch

from semantic.deepjscc.network import DeepJsccNetwork, latent_shape
from semantic.training.deepjscc import train_deepjscc
from semantic.training.labels import Labels, training_labels
from semantic.training.loop import LinkData
from semantic.weights.deepjscc import DEEPJSCC, deepjscc_file, save_deepjscc
from simulator.scheme_arguments import DeepJsccArguments
from simulator.setup.channel import open_channel
from simulator.training.channel import latent_channel, preset_channel
from simulator.training.other_options import refuse_other_options
from simulator.training.stage import Stage, TrainingImages


def train_on_images(
    stage: Stage, training_images: TrainingImages, scheme_args: Mapping[str, Any]
) -> None:
    """Trains deepjscc if its file is missing.

    Args:
        stage: Directory, preset and device.
        training_images: Pixels and labels.
        scheme_args: Arguments of the schemes that are trained; `channels` is read.

    Raises:
        ValueError: If the number of channels or the image size is not allowed, or the file was
            trained with other options or images.
    """
    given = {name: value for name, value in scheme_args.items() if name == "channels"}
    channels, recipe = DeepJsccArguments().given(given).channels, stage.preset.link
    latent_shape(channels, stage.preset.image_size)
    path, images = stage.out / deepjscc_file(channels), training_images.images
    if path.exists():
        refuse_other_options(path, stage.preset, images.images_hash())
        return
    torch.manual_seed(recipe.seed)
    network = DeepJsccNetwork(channels).to(stage.device)
    labels = Labels(*(c.to(stage.device) for c in training_labels(images).columns))
    pixels = torch.from_numpy(training_images.pixels)
    data = LinkData(pixels, labels, preset_channel(stage.preset, stage.device), stage.preset.budget)
    law = stage.preset.channel_spec.channel_law
    train_deepjscc(
        network,
        data,
        stage.preset.image_size,
        latent_channel(open_channel(stage.preset.channel_spec)),
        recipe,
        stage.out / f"{path.stem}.checkpoint.safetensors",
        stage.log(path.stem, recipe.selected_steps),
        {"channels": channels, "channel": law, "image_size": stage.preset.image_size},
    )
    config = {
        "images_sha256": images.images_hash(),
        "image_size": stage.preset.image_size,
        "recipe": asdict(recipe),
        **stage.preset.changed,
    }
    save_deepjscc(path, network, config)


def of_pixels(schemes: Iterable[str]) -> bool:
    """Returns whether all of some schemes are trained on pixels, without the encoder's outputs.

    >>> of_pixels(["deepjscc"]), of_pixels(["deepjscc", "semharq"])
    (True, False)
    """
    return all(name == DEEPJSCC for name in schemes)
