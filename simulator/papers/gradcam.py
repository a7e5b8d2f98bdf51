"""Fig. 4: the regions of an image that the tasks use, at several SNRs.

Grad-CAM (Selvaraju et al., 2017) takes the gradient of the probability of the predicted class with
respect to the feature maps of an inner layer. Here the gradient passes through the whole link and
the rest of the encoder. Its average over a map is the weight of the map, and the positive part of
the weighted sum of the maps is the heat map of the image. The layer is the third dense block; the
fourth has only 3x3 positions for a 96x96 image.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional

from phy.channels.fading import Rician
from semantic.data.images import load_images
from semantic.data.opening import open_dataset
from semantic.encoder.densenet import DenseNet121, normalize
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.training.round_trip import TrainingChannel, play
from simulator.files import write_whole
from simulator.results.figures import save
from simulator.setup.networks import Networks
from simulator.setup.prepare import choose_device
from simulator.slots import Slot
from simulator.spec import RunSpec
from simulator.training.channel import training_channel

TASKS = ("re-identification", "color", "type")
SNRS_DB = (-6.0, 0.0, 8.0)
#: Draws of fading and noise over which a heat map is averaged.
DRAWS = 8
SHOWN = 3


def heat_maps(
    encoder: MultiTaskNetwork,
    link: LinkNetwork,
    x: Tensor,
    snr_db: float,
    B: int,
    channel: TrainingChannel,
    draws: int = DRAWS,
) -> Tensor:
    """Computes Grad-CAM heat maps of the three tasks after one slot.

    Args:
        encoder: The network from images to s.
        link: The link network of SemHARQ.
        x: Normalized images [batch, 3, h, w].
        snr_db: Average SNR in dB.
        B: Number of features in the slot.
        channel: The channel between transmitter and receiver.
        draws: Number of draws of fading and noise to average over.

    Returns:
        [tasks, batch, h, w] in [0, 1], each map divided by its maximum.
    """
    if not isinstance(encoder.encoder, DenseNet121):
        raise ValueError("Grad-CAM needs the backbone densenet121; these weights have another one")
    layers = list(encoder.encoder.features.named_children())
    cut = 1 + [name for name, _ in layers].index("denseblock3")
    with torch.no_grad():
        maps = nn.Sequential(*(layer for _, layer in layers[:cut]))(x)
    maps = maps.requires_grad_()
    rest = nn.Sequential(*(layer for _, layer in layers[cut:]))
    total = torch.zeros(len(TASKS), len(x), *maps.shape[2:])
    for draw in range(draws):
        generator = torch.Generator().manual_seed(draw)
        s = functional.relu(rest(maps)).mean((2, 3))
        f = link.encode(s)
        played = play(link, PROTOCOLS["semharq"], f, snr_db, B, 1, channel, generator)
        _, outputs = link.decode(played.buffer)
        for task, probabilities in enumerate(outputs.probabilities):
            predicted = probabilities.amax(1).log().sum()
            (slope,) = torch.autograd.grad(predicted, maps, retain_graph=True)
            weight = slope.mean((2, 3), keepdim=True)
            total[task] += functional.relu((weight * maps.detach()).sum(1)).cpu()
    size = (x.shape[2], x.shape[3])
    heat = functional.interpolate(total, size, mode="bilinear", align_corners=False)
    return heat / heat.amax((2, 3), keepdim=True).clamp_min(1e-12)


def write_gradcam(spec: RunSpec, out: Path) -> None:
    """Writes fig4.png and fig4.pdf with a row per image, and a column per task and SNR."""
    device = choose_device(spec.device)
    networks = Networks(spec, device)
    link, encoder = networks.link("semharq"), networks.encoder.network
    dataset = open_dataset(spec.data)
    queries = np.flatnonzero(dataset.is_query)
    chosen = queries[np.linspace(0, len(queries) - 1, SHOWN + 2).astype(int)[1:-1]]
    pixels, _, _ = load_images(dataset.subset(chosen), int(networks.encoder.config["image_size"]))
    x = normalize(torch.from_numpy(pixels).to(device))
    channel = training_channel(Rician(), device)
    heats = {
        snr_db: heat_maps(
            encoder, link, x, snr_db, Slot(snr_db, spec.slot_s, spec.bandwidth).features, channel
        )
        for snr_db in SNRS_DB
    }
    out.mkdir(parents=True, exist_ok=True)
    for suffix in ("png", "pdf"):
        write_whole(out / f"fig4.{suffix}", lambda path: _draw(pixels, heats, path))


def _draw(pixels: np.ndarray, heats: dict[float, Tensor], path: Path) -> None:
    columns = 1 + len(TASKS) * len(heats)
    figure = Figure(figsize=(1.25 * columns, 1.35 * len(pixels) + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(pixels), columns, squeeze=False)
    for row, image in enumerate(pixels):
        shown = [("image", None)] + [
            (f"{task}\n{snr_db:g} dB", heat[k, row])
            for k, task in enumerate(TASKS)
            for snr_db, heat in heats.items()
        ]
        for ax, (title, heat) in zip(axes[row], shown, strict=True):
            ax.imshow(image)
            if heat is not None:
                ax.imshow(heat.numpy(), cmap="jet", alpha=0.45, vmin=0, vmax=1)
            ax.set_axis_off()
            if row == 0:
                ax.set_title(title, fontsize=7)
    figure.suptitle("regions that the tasks use: Grad-CAM through the link, one slot", fontsize=9)
    save(figure, path, dpi=140)
