"""A small training of the encoder, for the processes of torchrun and for one process alone."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from semantic.data.dataset import ImageFile, VehicleImages
from semantic.training.encoder import EncoderRecipe, train_encoder
from simulator.training.encoder import join_processes


def train(out: Path) -> None:
    """Trains on eight random images; writes rank<n>.safetensors and the first process's checkpoint."""
    _, first = join_processes("cpu")
    rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
    assert first == (rank == 0)
    rng = np.random.default_rng(0)
    vehicle = np.repeat(np.arange(4), 2)
    pixels = rng.integers(0, 256, (8, 32, 32, 3)).astype(np.uint8)
    files = tuple(ImageFile(f"{i}.png", Path(f"{i}.png")) for i in range(8))
    labels = (vehicle, np.arange(8), vehicle, vehicle % 3, np.zeros(8, bool))
    recipe = EncoderRecipe(phases=((32, 3),), vehicles_per_batch=4, images_per_vehicle=2)
    network = train_encoder(
        pixels,
        VehicleImages("made", files, *labels),
        recipe,
        out / "encoder.checkpoint.safetensors",
        lambda step, terms: None,
    )
    parameters = {n: p.detach().contiguous() for n, p in network.named_parameters()}
    save_file(parameters, out / f"rank{rank}.safetensors")
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
