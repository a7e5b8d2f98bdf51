"""Compares a GPU with the CPU: equality within stated tolerances, throughput and memory.

    python -m benchmarks.gpu                  # the first GPU
    python -m benchmarks.gpu --device cpu --images 8 --seconds 1 --edge 64   # the code without a GPU

Each line is one part of the simulator. Random numbers must be equal bit for bit; products of
matrices round differently on each kind of device, so that their results must agree to a share of
the largest value. The last line is the training of `--preset paper`: two minutes on 256 x 256
pixels (`benchmarks.paper_training`).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.paper_training import paper_training
from phy.kernels.philox import normal
from semantic.conventions import CODED_FEATURES
from semantic.encoder.densenet import normalize
from semantic.link.buffer import Combining
from semantic.tiles import in_tiles
from semantic.weights.stored import load_encoder, load_link


@dataclass(frozen=True)
class Part:
    """A part of the simulator on two devices.

    Attributes:
        name: Name of the part.
        tolerance: Largest difference, as a share of the largest value; 0 for equality.
        amount: Units of work of one call.
        unit: Name of the unit, in the plural.
        on: Maps a device to the work on it, which returns a tensor.
    """

    name: str
    tolerance: float
    amount: int
    unit: str
    on: Callable[[str], Callable[[], Tensor]]


def parts(images: int) -> Iterator[Part]:
    """Yields the parts, for a number of images."""

    def numbers(device: str) -> Callable[[], Tensor]:
        return lambda: normal(1, np.arange(images), 2048, device)

    def link(device: str) -> Callable[[], Tensor]:
        bundle = load_encoder(None, device)
        network, _ = load_link("semharq", bundle.network.performers, None, device)
        generator = torch.Generator().manual_seed(0)
        received = torch.rand(images, CODED_FEATURES, generator=generator).to(device)
        buffer, rows = Combining(received, received), torch.arange(images, device=device)
        return lambda: in_tiles(lambda tile: network.decode(buffer.take(tile))[1].embedding, rows)

    def encoder(device: str) -> Callable[[], Tensor]:
        bundle = load_encoder(None, device)
        size, generator = int(bundle.config["image_size"]), torch.Generator().manual_seed(0)
        shape = (images, size, size, 3)
        pixels = torch.randint(256, shape, generator=generator, dtype=torch.uint8).to(device)
        tile = min(images, 32)
        return lambda: in_tiles(lambda x: bundle.network.encoder(normalize(x)), pixels, tile=tile)

    yield Part("random numbers", 0.0, images * 2048, "numbers", numbers)
    yield Part("decoder and tasks", 1e-3, images, "images", link)
    yield Part("encoder", 2e-2, images, "images", encoder)


@torch.inference_mode()
def compare(part: Part, device: str) -> str:
    """Returns one line about a part on a device beside the CPU.

    Raises:
        ValueError: If both differ by more than the tolerance.
    """
    expected = part.on("cpu")()
    work = part.on(device)
    found = work().cpu()
    apart = float((found - expected).abs().max() / expected.abs().max())
    if not apart <= part.tolerance:
        raise ValueError(
            f"{part.name}: {device} and CPU differ by {apart:.2g} of the largest value, "
            f"allowed is {part.tolerance:g}"
        )
    seconds = _seconds(work, device)
    memory = ""
    if device.startswith("cuda"):
        memory = f", {torch.cuda.max_memory_allocated(device) / 2**20:.0f} MiB"
    rate = part.amount / seconds
    return f"{part.name}: {rate:.3g} {part.unit}/s{memory}; differs from the CPU by {apart:.2g}"


def _seconds(work: Callable[[], Tensor], device: str, calls: int = 3) -> float:
    """Returns the least wall-clock seconds of a call, with the wait for its result."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    least = float("inf")
    for _ in range(calls):
        start = time.perf_counter()
        work()[:1].cpu()
        least = min(least, time.perf_counter() - start)
    return least


def main() -> None:
    """Compares a device with the CPU, or says in one line that there is none."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=120.0, help="of the training")
    parser.add_argument("--edge", type=int, default=256, help="of the training's images, pixels")
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print("there is no GPU that torch can use: `simulate doctor` says why")
        return
    for part in parts(options.images):
        print(compare(part, options.device), flush=True)
    print(paper_training(options.device, options.seconds, options.edge))


if __name__ == "__main__":
    main()
