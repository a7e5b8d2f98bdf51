"""Training of deepjscc: mean squared error of the pixels, with the channel in the loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from semantic.deepjscc.network import DeepJsccNetwork, to_pixels, unit_range
from semantic.training.loop import LinkData, LinkRecipe, Report, draw_snr, train_loop

#: (latent values [batch, values], SNR in dB, generator) -> what the receiver has of them.
LatentChannel = Callable[[Tensor, float, torch.Generator], Tensor]
#: Smallest mean squared error whose PSNR is shown.
LEAST_ERROR = 1e-10


def train_deepjscc(
    network: DeepJsccNetwork,
    data: LinkData,
    size: int,
    channel: LatentChannel,
    recipe: LinkRecipe,
    checkpoint: Path,
    report: Report,
    note: dict[str, Any],
) -> None:
    """Trains encoder and decoder together, for all SNRs of the recipe.

    Half of the images of a batch are mirrored. The SNR is drawn anew for each batch.

    Args:
        network: New network, changed in place.
        data: The training images; its `s` holds pixels, uint8 [images, edge, edge, 3], on the host:
            those of a large set are a map of a file. The loop reads the labels, which form the
            batches, and a hash of the rows alone.
        size: Edge in pixels at which images are sent.
        channel: Power normalization, channel and equalizer.
        recipe: Settings; `selected_steps` steps.
        checkpoint: Checkpoint file; if it exists, training resumes from it.
        report: Called after each step with the loss and its PSNR in dB.
        note: Further settings that a checkpoint must share.
    """

    device = next(network.parameters()).device

    def step(index: Tensor, generator: torch.Generator, number: int) -> dict[str, float]:
        snr_db = draw_snr(recipe, generator)
        mirrored = torch.rand(len(index), generator=generator) < 0.5
        pixels = resized(data.s[index].to(device), size)
        pixels = torch.where(
            mirrored.to(pixels.device)[:, None, None, None], pixels.flip(2), pixels
        )
        latent = network.latent(pixels)
        received = channel(latent.flatten(1), snr_db, generator).view_as(latent)
        loss = functional.mse_loss(network.image(received), unit_range(pixels))
        loss.backward()
        error = loss.detach().clamp_min(LEAST_ERROR)
        return {"mse": float(error), "psnr_db": float(-10 * error.log10())}

    ends = (recipe.selected_steps,)
    train_loop(network, recipe, "deepjscc", data, ends, step, checkpoint, report, note)
    network.eval()


def resized(pixels: Tensor, size: int) -> Tensor:
    """Returns square images of another size: uint8 [batch, size, size, 3].

    >>> resized(torch.full((1, 8, 8, 3), 7, dtype=torch.uint8), 4).unique()
    tensor([7], dtype=torch.uint8)
    """
    if pixels.shape[1] == size:
        return pixels
    return to_pixels(
        functional.interpolate(
            unit_range(pixels), (size, size), mode="bilinear", antialias=True, align_corners=False
        )
    )
