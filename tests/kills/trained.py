"""A small training of the encoder that writes a checkpoint after every step: a script to be killed."""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from semantic.data.dataset import ImageFile, VehicleImages
from semantic.training.encoder import EncoderRecipe, train_encoder

STEPS = 12


def train(out: Path) -> None:
    """Trains on eight random images; writes the weights at the end."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    vehicle = np.repeat(np.arange(4), 2)
    pixels = rng.integers(0, 256, (8, 32, 32, 3)).astype(np.uint8)
    files = tuple(ImageFile(f"{i}.png", Path(f"{i}.png")) for i in range(8))
    images = VehicleImages(
        "made", files, vehicle, np.arange(8), vehicle, vehicle % 3, np.zeros(8, bool)
    )
    network = train_encoder(
        pixels,
        images,
        EncoderRecipe(phases=((32, STEPS),), vehicles_per_batch=4, images_per_vehicle=2),
        out / "encoder.checkpoint.safetensors",
        lambda step, terms: None,
        checkpoint_every=1,
    )
    save_file({n: p.detach().contiguous() for n, p in network.named_parameters()}, out / "end")


if __name__ == "__main__":
    train(Path(sys.argv[1]))
