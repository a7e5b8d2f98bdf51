"""Fixtures that many tests share. The rules that hold for every test are in ../conftest.py.

They import what they need: the process of pytest-xdist that hands out the tests runs none of them,
and starts before all others.
"""

import csv
import os
from pathlib import Path

import pytest

#: Real photographs, which are not part of the repository: 507 vehicles before two cameras.
PHOTOGRAPHS = "SEMHARQ_PHOTOGRAPHS"
BESIDE_THE_CHECKOUT = Path(__file__).parents[2] / "shared" / "data" / "vehicles_2cam"
#: With this variable set to 1, as in CI, tests fail where the photographs are missing.
REQUIRE_PHOTOGRAPHS = "SEMHARQ_REQUIRE_PHOTOGRAPHS"

IDENTITIES = 20
IMAGE_SIZE = 32
VEHICLES, CAMERAS = 8, 5

PAINT = {"yellow": "#e8d21d", "green": "#1d8a3c", "red": "#c2201b", "blue": "#1f4fb0"}


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Seeds torch's global generator, so that no test depends on the tests before it."""
    import torch

    torch.default_generator.manual_seed(0)  # torch.manual_seed visits every device: 3 ms a test


@pytest.fixture(autouse=True)
def no_library_is_a_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgets the parts of the tests before: one that names torch.nn:X makes torch a user's code."""
    monkeypatch.setattr("semantic.parts.files._users_own", set())


@pytest.fixture(autouse=True)
def no_curve_is_drawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves curve.png of a run empty: matplotlib takes longer than the whole run of a test.

    It is drawn in fresh processes, and where a test or its directory is marked `draws`. The figure
    itself is tested with curves of its own.
    """
    if request.node.get_closest_marker("draws") is None:
        monkeypatch.setattr("simulator.sweeps.records._draw", lambda result, path: path.touch())


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a directory of random weights for 32x32 images.

    The encoder has run in training mode for three passes, which sets its batch statistics. The
    link is scaled by the encoder's output, so that no class probability saturates at 0 or 1.
    """
    import torch

    from semantic.encoder.multitask import MultiTaskNetwork
    from semantic.link.network import LinkNetwork
    from semantic.weights.files import save_weights
    from semantic.weights.stored import save_link

    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(48, 3, IMAGE_SIZE, IMAGE_SIZE, generator=generator)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        network = MultiTaskNetwork(IDENTITIES).train()
        for _ in range(3):
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
    """Makes a folder of 8 vehicles x 5 cameras with labels.csv; camera 0 has the queries.

    A vehicle is a rectangle. Color and size tell the vehicles apart, so that random weights
    re-identify some of them and not all.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    from semantic.data.dataset import COLORS, TYPES

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
                background = rng.integers(60, 160, (IMAGE_SIZE, 40, 3), dtype=np.uint8)
                image = Image.fromarray(background)
                x, y = (int(v) for v in rng.integers(2, 12, 2))
                ImageDraw.Draw(image).rectangle((x, y, x + width, y + height), PAINT[color])
                image.save(root / name)
                kind = TYPES[vehicle % len(TYPES)]
                role = "query" if camera == 0 else "gallery"
                table.writerow([name, vehicle, camera, color, kind, role])
    assert set(PAINT) <= set(COLORS)
    return root


@pytest.fixture(scope="session")
def photographs() -> Path:
    """Finds the real photographs: the folder $SEMHARQ_PHOTOGRAPHS, or one beside the checkout."""
    folder = Path(os.environ.get(PHOTOGRAPHS) or BESIDE_THE_CHECKOUT)
    if not folder.is_dir():
        missing = f"no folder {folder} with photographs; {PHOTOGRAPHS} may name another one"
        if os.environ.get(REQUIRE_PHOTOGRAPHS) == "1":
            pytest.fail(f"{missing} ({REQUIRE_PHOTOGRAPHS}=1 demands them)")
        pytest.skip(missing)
    return folder
