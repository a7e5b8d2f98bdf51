"""The steps that `newcomer.py` replays, and what the newcomer already has: an image, a data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


@dataclass(frozen=True)
class Step:
    """One thing that a newcomer does.

    Attributes:
        name: Short name, for --only.
        what: The step in words.
        page: Page of the site, with an anchor.
        minutes: Longest wall time that is acceptable.
        actions: Commands as the page shows them; "FILE: first line" of a block of Python, which
            is written to that file, and is also run if the file is `run.py`.
        results: Files that are there afterwards.
        given: Makes what the newcomer already has.
        paths: Paths on the page -> the newcomer's own.
        check: Looks at the results; returns a problem or None.
    """

    name: str
    what: str
    page: str
    minutes: float
    actions: tuple[str, ...]
    results: tuple[str, ...]
    given: Callable[[], None] = lambda: None
    paths: tuple[tuple[str, str], ...] = ()
    check: Callable[[], str | None] = lambda: None


def draw_vehicle(color: str, cabin: int, stripe: int, rng: np.random.Generator) -> Image.Image:
    """Draws a vehicle before a random background."""
    image = Image.fromarray(rng.integers(90, 150, (96, 96, 3), dtype=np.uint8))
    pen, x, y = ImageDraw.Draw(image), int(rng.integers(5, 20)), int(rng.integers(45, 60))
    pen.rectangle((x + 15, y - cabin, x + 50, y), color)
    pen.rectangle((x, y, x + 65, y + 18), color)
    pen.rectangle((x + 5 + 3 * stripe, y + 4, x + 8 + 3 * stripe, y + 14), "#202020")
    return image


def one_image() -> None:
    """Makes car.jpg."""
    draw_vehicle("red", 14, 2, np.random.default_rng(0)).save("car.jpg")


def veri_folder() -> None:
    """Makes a folder in the layout of VeRi-776: 8 vehicles, 4 cameras, 32 test images."""
    rng, root = np.random.default_rng(0), Path("VeRi")
    names: dict[str, list[str]] = {"train": [], "test": [], "query": []}
    for part in names:
        (root / f"image_{part}").mkdir(parents=True)
    items: dict[str, list[str]] = {"train": [], "test": []}
    for vehicle in range(1, 17):
        part = "train" if vehicle > 8 else "test"
        color, kind = (
            (4, "red") if vehicle % 2 else (6, "blue"),
            (1, 14) if vehicle % 3 else (3, 26),
        )
        for camera in range(1, 5):
            name = f"{vehicle:04d}_c{camera:03d}_00000{camera}00_0.jpg"
            image = draw_vehicle(color[1], kind[1], vehicle, rng)
            for folder in (part, "query") if part == "test" and camera == 1 else (part,):
                image.save(root / f"image_{folder}" / name)
                names[folder].append(name)
            items[part].append(
                f'<Item imageName="{name}" vehicleID="{vehicle:04d}" cameraID="c{camera:03d}" '
                f'colorID="{color[0]}" typeID="{kind[0]}"/>'
            )
    for part, listed in names.items():
        (root / f"name_{part}.txt").write_text("".join(f"{name}\n" for name in listed))
    for part, rows in items.items():
        text = '<?xml version="1.0" encoding="gb2312"?>\n<Images Version="1.0"><Items>\n'
        (root / f"{part}_label.xml").write_text(f"{text}{chr(10).join(rows)}\n</Items></Images>\n")
    for file in ("gt_index.txt", "jk_index.txt"):
        (root / file).write_text("")


def type_3_fonts() -> str | None:
    """Returns a problem if the figure has fonts that publishers reject."""
    data = Path("rank1.pdf").read_bytes()
    if b"/CIDFontType2" not in data:
        return "rank1.pdf has no TrueType font (Type 42)"
    return "rank1.pdf has a font of Type 3" if b"/Type3" in data else None


CHANNEL = "my_channel:SlowRayleigh --channel-arg correlation=0.5"
STEPS = (
    Step(
        "curve",
        "a first curve: two schemes at eight SNRs",
        "getting-started.md#first-curve",
        3,
        ("simulate --scheme semharq,perfect --snr -6:8:2 --out runs/demo",),
        ("runs/demo/curve.csv", "runs/demo/curve.png"),
    ),
    Step(
        "image",
        "an image of your own through the link",
        "python.md#one-image-through-the-link",
        3,
        ("run.py: from simulator import open_link",),
        ("sent.png",),
        given=one_image,
    ),
    Step(
        "channel",
        "a channel of your own: a curve of two schemes at eight SNRs, and the check",
        "extend.md#a-channel",
        10,
        (
            'my_channel.py: """Correlated block fading',
            f"simulate --scheme semharq,jpeg-ldpc-16qam-harq --snr -6:8:2 --channel {CHANNEL}",
            f"simulate check {CHANNEL}",
        ),
        ("runs/semharq-jpeg-ldpc-16qam-harq-synthetic/curve.csv",),
    ),
    Step(
        "scheme",
        "a learned scheme of your own: images rendered, trained, a curve at eight SNRs, the check",
        "extend.md#a-scheme-that-learns",
        30,
        (
            'my_learned_scheme.py: """A learned scheme',
            "simulate data synthetic --split train --vehicles 600 --out data/train --workers 2",
            "simulate train --scheme my_learned_scheme:MyScheme --data data/train "
            "--encoder package --out mine",
            "simulate --scheme my_learned_scheme:MyScheme,perfect --snr -6:8:2 --weights mine "
            "--out runs/mine",
            "simulate check my_learned_scheme:MyScheme --weights mine",
        ),
        ("mine/my-scheme.safetensors", "runs/mine/curve.csv"),
    ),
    Step(
        "veri",
        "a folder in the layout of VeRi-776 with 32 test images: the check, and a curve",
        "data.md#veri-776",
        5,
        (
            "simulate check veri:/data/VeRi",
            "simulate --scheme semharq,perfect --snr -6:8:2 --data veri:/data/VeRi --out runs/veri",
        ),
        ("runs/veri/curve.csv",),
        given=veri_folder,
        paths=(("/data/VeRi", "VeRi"),),
    ),
    Step(
        "figure",
        "a figure of the first curve for a paper, without fonts of Type 3",
        "figures.md#a-figure-for-a-paper",
        5,
        ("simulate plot runs/demo --style ieee --out rank1.pdf",),
        ("rank1.pdf",),
        check=type_3_fonts,
    ),
    Step(
        "report",
        "a report of the first curve",
        "figures.md#a-report-of-a-run",
        5,
        ("simulate report runs/demo",),
        ("runs/demo/report.html",),
    ),
)
