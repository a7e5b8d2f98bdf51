"""Images per second and epochs per hour of the encoder's training with `--preset paper`.

    python -m benchmarks.paper_training                          # the first GPU, two minutes, 256 x 256
    python -m benchmarks.paper_training --device cpu --steps 50 --data veri:rehearsal/VeRi

Runs the loop of `simulate train` itself: sampler, augmentation, steps, checkpoints. Without --data
the images are random numbers, which take as long. Beside the loop it measures the augmentation
alone: if it is not much faster than the loop, it limits the training.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from semantic.data.dataset import ImageFile, VehicleImages
from semantic.data.images import load_images
from semantic.data.opening import open_dataset
from semantic.training.augmentation import augment
from semantic.training.encoder import train_encoder
from semantic.weights.precision import choose_precision
from simulator.training.presets import presets

#: VeRi-776's training images.
EPOCH = 37_778
#: Steps that are not timed: the first ones compile kernels and choose algorithms.
WARM_UP = 5


class _TimeIsOverError(Exception):
    """The time is over."""


@dataclass(frozen=True)
class Rate:
    """Speed of a training.

    Attributes:
        steps: Steps that were timed.
        images_per_second: Of the loop.
        augmented_per_second: Images per second of the augmentation alone, on the same device.
        epochs_per_hour: Epochs of VeRi-776's training images.
        memory: Peak memory of the GPU in bytes; 0 on a CPU.
    """

    steps: int
    images_per_second: float
    augmented_per_second: float
    epochs_per_hour: float
    memory: int

    def __str__(self) -> str:
        memory = f", {self.memory / 2**20:.0f} MiB" if self.memory else ""
        return (
            f"paper preset's encoder: {self.images_per_second:.3g} images/s over {self.steps} steps"
            f"{memory}; {self.epochs_per_hour:.3g} epochs of VeRi-776 an hour; the augmentation "
            f"alone: {self.augmented_per_second:.3g} images/s"
        )


def paper_training(
    device: str,
    seconds: float,
    edge: int = 256,
    steps: int | None = None,
    data: tuple[np.ndarray, VehicleImages] | None = None,
) -> Rate:
    """Trains the encoder of the preset of the papers for a while.

    Args:
        device: Torch device.
        seconds: Time of the timed steps.
        edge: Edge of the images in pixels.
        steps: Timed steps after which it ends earlier, at least 1; None for no limit.
        data: Pixels [images, edge, edge, 3] uint8 and their labels; None for random numbers.
    """
    pixels, images = data or random_images(edge)
    recipe = presets(EPOCH)["paper"].encoder
    precision = choose_precision("auto", device) if device.startswith("cuda") else "fp32"
    recipe = replace(recipe, phases=((edge, recipe.steps),), precision=precision)
    batch = recipe.vehicles_per_batch * recipe.images_per_vehicle
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    began, done = 0.0, 0

    def report(step: int, terms: dict[str, float]) -> None:
        nonlocal began, done  # the terms are on the host: the step has ended
        if step < WARM_UP:
            began = time.perf_counter()
            return
        done = step + 1 - WARM_UP
        if done == steps or time.perf_counter() - began >= seconds:
            raise _TimeIsOverError

    with TemporaryDirectory(prefix="bench-") as folder:
        try:
            train_encoder(
                pixels, images, recipe, Path(folder) / "checkpoint", report, device=device
            )
        except _TimeIsOverError:
            spent = time.perf_counter() - began
    rate = done * batch / spent
    memory = torch.cuda.max_memory_allocated(device) if device.startswith("cuda") else 0
    alone = _augmented_per_second(pixels[:batch], edge, recipe.augmentation, device)
    return Rate(done, rate, alone, rate * 3600 / EPOCH, memory)


def _augmented_per_second(
    pixels: np.ndarray, edge: int, strength: str, device: str, calls: int = 5
) -> float:
    """Returns the images per second of the copy to the device and the augmentation there."""
    generator = torch.Generator(device).manual_seed(0)
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        x = augment(torch.from_numpy(pixels).to(device), edge, generator, strength)
        x[0, 0, 0, 0].cpu()  # waits for the device
        times.append(time.perf_counter() - began)
    return len(pixels) / min(times)


def random_images(edge: int, vehicles: int = 64) -> tuple[np.ndarray, VehicleImages]:
    """Returns random pixels [images, edge, edge, 3], four images of each vehicle, and labels."""
    count = 4 * vehicles
    pixels = np.random.default_rng(0).integers(0, 256, (count, edge, edge, 3), np.uint8)
    number = np.arange(count)
    vehicle = number // 4
    files = tuple(ImageFile(f"{i}", Path(f"{i}")) for i in number)
    query = np.zeros(count, np.bool_)
    images = VehicleImages("random", files, vehicle, number % 4, vehicle % 10, vehicle % 9, query)
    return pixels, images


def main() -> None:
    """Prints one line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--steps", type=int, help="timed steps after which it ends earlier")
    parser.add_argument("--edge", type=int, default=256, help="pixels")
    parser.add_argument("--data", help="training images as --data names them [random numbers]")
    parser.add_argument("--images", type=int, default=2000, help="most images of --data")
    options = parser.parse_args()
    data = None
    if options.data is not None:
        images = open_dataset(options.data, "train").limit(options.images, seed=0)
        pixels, kept, _ = load_images(images, options.edge)
        data = pixels, images.subset(kept)
    print(paper_training(options.device, options.seconds, options.edge, options.steps, data))


if __name__ == "__main__":
    main()
