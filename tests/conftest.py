"""What the tests share: a cache and a seed of their own, tiny random weights, a small folder of images."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from semantic.data.dataset import COLORS, TYPES
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.network import LinkNetwork
from semantic.weights.files import save_weights
from semantic.weights.stored import save_link

IDENTITIES = 20
IMAGE_SIZE = 32
VEHICLES, CAMERAS = 8, 5

PAINT = {"yellow": "#e8d21d", "green": "#1d8a3c", "red": "#c2201b", "blue": "#1f4fb0"}


@pytest.fixture(scope="session", autouse=True)
def cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test reads or writes the user's cache."""
    path = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMHARQ_CACHE", str(path))
        yield path


@pytest.fixture(autouse=True)
def seeded() -> None:
    """What a test draws without a generator does not depend on the tests before it."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of random weights for 32x32 images, scaled so that no answer saturates."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(48, 3, IMAGE_SIZE, IMAGE_SIZE, generator=generator)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        network = MultiTaskNetwork(IDENTITIES).train()
        for _ in range(3):  # batch statistics
            network(pixels)
        s = network.eval()(pixels)
        link = LinkNetwork(IDENTITIES).eval()
        link.scale.copy_(s.square().mean(0).sqrt().clamp_min(1e-3))
        link.order.copy_(torch.randperm(1024))
    root = tmp_path_factory.mktemp("weights")
    save_weights(
        root / "encoder.safetensors", network, {"identities": IDENTITIES, "image_size": IMAGE_SIZE}
    )
    save_link(root / "semharq.safetensors", link, {})
    return root


@pytest.fixture(scope="session")
def folder_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 vehicles, 5 cameras: colored rectangles with labels.csv; camera 0 asks."""
    root = tmp_path_factory.mktemp("rectangles")
    rng = np.random.default_rng(0)
    with (root / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "vehicle", "camera", "color", "type", "split"])
        for vehicle in range(VEHICLES):
            color = list(PAINT)[vehicle % len(PAINT)]
            width, height = 10 + 4 * (vehicle // 4), 8 + 2 * (vehicle % 5)
            for camera in range(CAMERAS):
                name = f"{vehicle:02d}_c{camera}.png"
                street = rng.integers(60, 160, (IMAGE_SIZE, 40, 3), dtype=np.uint8)
                image = Image.fromarray(street)
                x, y = (int(v) for v in rng.integers(2, 12, 2))
                ImageDraw.Draw(image).rectangle((x, y, x + width, y + height), PAINT[color])
                image.save(root / name)
                kind = TYPES[vehicle % len(TYPES)]
                role = "query" if camera == 0 else "gallery"
                table.writerow([name, vehicle, camera, color, kind, role])
    assert set(PAINT) <= set(COLORS)
    return root
