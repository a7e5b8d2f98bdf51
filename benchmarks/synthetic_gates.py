"""Gates of the synthetic vehicle set: shortcuts that must not identify a vehicle, on one of its splits.

    python benchmarks/synthetic_gates.py SET [--sheet FIGURE.png] [--pack ARCHIVE.zip]

Prints the label statistics, the mAP of an oracle that knows only color and type, and the rank-1 of
an observer that sees everything except the vehicle, with intervals that resample vehicles. Exits
with 1 if a gate fails. `SET` is a test, validation or large split; it is rendered again with its
seed, for the masks.
"""

import csv
import sys
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from semantic.data import COLORS, TYPES
from semantic.data.synthetic import render, sample_shots
from semantic.reid import ReidImages, evaluate_reid

ORACLE_LIMIT = 0.35
MARGIN_PX = 6  # the mask grows by this much, so that no rim of the vehicle stays
DRAWS = 2000  # resamplings of the vehicles for the interval


@dataclass(frozen=True)
class Labels:
    """The columns of labels.csv, one entry per image."""

    file: list[str]
    vehicle: NDArray[np.int64]
    camera: NDArray[np.int64]
    color: list[str]
    type: list[str]
    split: NDArray[np.str_]


def read_labels(path: Path) -> Labels:
    """Reads labels.csv."""
    rows = list(csv.DictReader(path.read_text().splitlines()))
    column = {name: [row[name] for row in rows] for name in rows[0]}
    return Labels(
        column["file"],
        np.array(column["vehicle"], dtype=np.int64),
        np.array(column["camera"], dtype=np.int64),
        column["color"],
        column["type"],
        np.array(column["split"]),
    )


def split_of(labels: Labels, seed: int) -> str | None:
    """The split that has these files, if any."""
    for split in ("test", "validation", "large"):
        if [s.file for s in sample_shots(split, seed)] == labels.file:
            return split
    return None


def show_statistics(labels: Labels) -> None:
    """Prints sizes and the mix of colors and types over vehicles."""
    tracks = {(v, c) for v, c in zip(labels.vehicle, labels.camera, strict=True)}
    cameras = np.array(list(Counter(v for v, _ in tracks).values()))
    sizes = ", ".join(f"{n} {name}" for name, n in sorted(Counter(labels.split.tolist()).items()))
    click.echo(f"images: {sizes}; {len(tracks) / len(cameras):.2f} cameras a vehicle "
               f"({cameras.min()} to {cameras.max()})")  # fmt: skip
    per_vehicle = dict(
        zip(labels.vehicle.tolist(), zip(labels.color, labels.type, strict=True), strict=True)
    )
    for place, names in enumerate((COLORS, TYPES)):
        count = Counter(pair[place] for pair in per_vehicle.values())
        click.echo(f"vehicles: {len(per_vehicle)}: " + " ".join(f"{n} {count[n]}" for n in names))


def oracle_precision(labels: Labels, seed: int = 0) -> NDArray[np.float64]:
    """AP of each query, ranked by color and type alone, at random among those that share both."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.tensor(
        [
            COLORS.index(c) * len(TYPES) + TYPES.index(t)
            for c, t in zip(labels.color, labels.type, strict=True)
        ]
    )
    embedding = torch.nn.functional.one_hot(classes, len(COLORS) * len(TYPES)).double()
    embedding += 1e-3 * torch.randn(embedding.shape, generator=generator, dtype=torch.float64)
    images = {
        name: ReidImages(
            embedding[chosen],
            torch.from_numpy(labels.vehicle[chosen.numpy()]),
            torch.from_numpy(labels.camera[chosen.numpy()]),
        )
        for name in ("query", "gallery")
        for chosen in [torch.from_numpy(labels.split == name)]
    }
    return evaluate_reid(images["query"], images["gallery"]).average_precision.numpy()


def background_features(split: str, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is left of each image without its vehicle.

    Returns:
        Color histograms (images, 512) of the pixels outside the grown mask, and coarse images
        (images, 768) with the mask's bounding box grayed out.
    """
    histograms, images = [], []
    for pixels, mask in render((s.shot for s in sample_shots(split, seed)), mask=True):
        outside = ~_grown(mask)
        levels = (pixels[outside] // 32).astype(np.int64)
        histogram = np.bincount(levels @ [64, 8, 1], minlength=512).astype(np.float64)
        histograms.append(np.sqrt(histogram / max(histogram.sum(), 1.0)))
        rows, columns = np.nonzero(~outside)
        kept = pixels.astype(np.float64)
        if len(rows):
            kept[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 128.0
        images.append((kept.reshape(16, 8, 16, 8, 3).mean((1, 3)).ravel() - 128.0) / 128.0)
    return np.array(histograms), np.array(images)


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    size = 2 * MARGIN_PX + 1
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(mask, MARGIN_PX), (size, size))
    return np.asarray(windows.any((-2, -1)))


def cross_camera_rank1(
    features: NDArray[np.float64], labels: Labels
) -> tuple[float, tuple[float, float], float]:
    """Nearest neighbor among the gallery images of all other cameras.

    Returns:
        Rank-1, its 95 % interval (vehicles resampled) and the rank-1 of a random choice.
    """
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    query, gallery = (
        np.flatnonzero(labels.split == "query"),
        np.flatnonzero(labels.split == "gallery"),
    )
    similarity = unit[query] @ unit[gallery].T
    elsewhere = labels.camera[query][:, None] != labels.camera[gallery]
    right = (labels.vehicle[query][:, None] == labels.vehicle[gallery]) & elsewhere
    best = np.where(elsewhere, similarity, -np.inf).argmax(1)
    hit = right[np.arange(len(query)), best].astype(float)
    chance = float((right.sum(1) / elsewhere.sum(1)).mean())
    return float(hit.mean()), interval(hit, labels.vehicle[query]), chance


def interval(value: NDArray[np.float64], vehicle: NDArray[np.int64]) -> tuple[float, float]:
    """The 95 % interval of the mean over queries, from resampled vehicles."""
    rng = np.random.default_rng(0)
    vehicles = np.unique(vehicle)
    sums = np.array([value[vehicle == v].sum() for v in vehicles])
    counts = np.array([(vehicle == v).sum() for v in vehicles])
    drawn = rng.integers(len(vehicles), size=(DRAWS, len(vehicles)))
    low, high = np.quantile(sums[drawn].sum(1) / counts[drawn].sum(1), [0.025, 0.975])
    return float(low), float(high)


def contact_sheet(folder: Path, labels: Labels, out: Path) -> None:
    """Saves a figure: a row per type; on the left four vehicles, on the right one by four cameras."""
    rng = np.random.default_rng(5)
    width, left = 128, 84
    sheet = Image.new("RGB", (left + 8 * width + 8, len(TYPES) * width), "white")
    draw = ImageDraw.Draw(sheet)
    for row, kind in enumerate(TYPES):
        draw.text((6, row * width + 58), kind, fill="black", font_size=14)
        of_kind = np.flatnonzero(np.array(labels.type) == kind)
        vehicles = rng.permutation(np.unique(labels.vehicle[of_kind]))
        shown = [rng.choice(of_kind[labels.vehicle[of_kind] == v]) for v in np.resize(vehicles, 4)]
        cameras = {v: np.unique(labels.camera[labels.vehicle == v]) for v in vehicles}
        again = max(vehicles, key=lambda v: len(cameras[v]))
        for camera in np.resize(rng.permutation(cameras[again]), 4):
            same = (labels.vehicle == again) & (labels.camera == camera)
            shown.append(rng.choice(np.flatnonzero(same)))
        for column, i in enumerate(shown):
            x = left + column * width + (8 if column > 3 else 0)
            with Image.open(folder / labels.file[i]) as image:
                sheet.paste(image, (x, row * width))
    out.parent.mkdir(parents=True, exist_ok=True)
    # The palette covers the rare saturated colors that a median cut would turn gray.
    sheet.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=2).save(out, optimize=True)
    click.echo(f"sheet: {out} {out.stat().st_size / 1024:.0f} KiB")


def pack(folder: Path, labels: Labels, out: Path) -> None:
    """Packs a set into an archive whose bytes depend on its content alone."""
    temporary = out.with_suffix(".partial")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name in ["labels.csv", *sorted(labels.file)]:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, (folder / name).read_bytes())
    temporary.replace(out)
    click.echo(f"packed: {out} {out.stat().st_size / 2**20:.1f} MiB")


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seed", default=0, help="Seed the set was written with.")
@click.option("--sheet", type=click.Path(path_type=Path), help="Save a contact sheet there.")
@click.option("--pack", "archive", type=click.Path(path_type=Path), help="Pack the set there.")
def main(folder: Path, seed: int, sheet: Path | None, archive: Path | None) -> None:
    """Measures the gates on a split written by `write_synthetic`."""
    labels = read_labels(folder / "labels.csv")
    split = split_of(labels, seed)
    if split is None:
        raise click.UsageError(f"{folder} is no split of seed {seed} with queries and gallery")
    show_statistics(labels)
    oracle = oracle_precision(labels)
    low, high = interval(oracle, labels.vehicle[labels.split == "query"])
    failed = bool(oracle.mean() >= ORACLE_LIMIT)
    click.echo(f"color-and-type oracle: mAP {oracle.mean():.3f}, 95 % interval {low:.3f} to "
               f"{high:.3f} (gate: below {ORACLE_LIMIT})")  # fmt: skip
    for name, features in zip(
        ("histogram", "image"), background_features(split, seed), strict=True
    ):
        rank1, (low, high), chance = cross_camera_rank1(features, labels)
        failed |= low > chance
        click.echo(f"background {name}: rank-1 {rank1:.4f}, 95 % interval {low:.4f} to {high:.4f}, "
                   f"chance {chance:.4f} (gate: interval not above chance)")  # fmt: skip
    if sheet is not None:
        contact_sheet(folder, labels, sheet)
    if archive is not None:
        pack(folder, labels, archive)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
