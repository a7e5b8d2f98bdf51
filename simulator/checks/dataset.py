"""Conformance check of a data set: readable images, labels, and an answer to every query."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from semantic.data.dataset import SPLITS, UNKNOWN, NoSuchSplitError, Split, VehicleImages
from semantic.data.images import ImageError, decode
from semantic.data.opening import open_dataset, own_opener
from simulator.checks.report import Finding, Report, Rule, gather, holds

#: Side in pixels to which the check decodes images.
SIDE = 32
#: Lines about files left out that a report shows.
LEFT_OUT_SHOWN = 5


def check_dataset(
    data: VehicleImages | Callable[[Split], VehicleImages] | str, split: Split | None = None
) -> Report:
    """Reads a whole data set and checks everything that a run assumes about it.

    Args:
        data: A value of --data, "package.module:function", the function itself, or its result.
        split: "test", or "train", which has no queries. None checks every split of a folder or of
            VeRi-776, and the test split of a function of one's own.

    Returns:
        A report. Its `ok` is True if all checks hold; `print` shows the failed ones.

    Raises:
        ValueError: For a data set that cannot be opened, in one line.

    Example:
        ```
        from simulator import check_dataset

        print(check_dataset("veri:/data/VeRi"))
        ```
    """
    subject, opener = _opener(data)
    rules: dict[str, Rule] = {}
    for name, images in _opened(data, opener, split).items():
        if not isinstance(images, VehicleImages):
            found = f"a {type(images).__name__}"
            wrong = Finding("result", "a semantic.data.dataset.VehicleImages", found, False)
            return Report("data set", subject, (wrong,))
        rules |= _rules(images, name, opener)
    return gather("data set", subject, rules)


def _opened(
    data: object, opener: Callable[[Split], Any], split: Split | None
) -> dict[Split, VehicleImages | object]:
    """Returns what the opener gives for a split, or for each split that the set has."""
    if split is not None:
        return {split: opener(split)}
    if not isinstance(data, str) or own_opener(data):
        return {"test": opener("test")}
    opened: dict[Split, object] = {}
    missing: list[NoSuchSplitError] = []
    for name in SPLITS:
        try:
            opened[name] = opener(name)
        except NoSuchSplitError as error:
            missing.append(error)
    if not opened:
        raise missing[0]
    return opened


def _rules(
    images: VehicleImages, split: Split, opener: Callable[[Split], VehicleImages]
) -> dict[str, Rule]:
    """Returns the rules of a split; those of the training split say so in their names."""
    rules: dict[str, Rule] = {
        "split": lambda: _split(images, split),
        "labels": lambda: _labels(images),
        "queries": lambda: _queries(images, split),
        "images": lambda: _images(images),
        "opened twice": lambda: _again(images, opener(split)),
    }
    if split == "test":
        return rules
    return {f"training: {name}": partial(_of_training, rule) for name, rule in rules.items()}


def _of_training(rule: Rule) -> Iterator[Finding]:
    """Yields the findings of a rule under the name of the training split."""
    for finding in rule():
        named = finding.what == "train split"
        yield finding if named else replace(finding, what=f"training: {finding.what}")


def _opener(
    data: VehicleImages | Callable[[Split], VehicleImages] | str,
) -> tuple[str, Callable[[Split], VehicleImages]]:
    """Returns (name, function that opens a split) without the checks of a run."""
    if isinstance(data, VehicleImages):
        return data.name, lambda split: data
    if isinstance(data, str):
        return data, own_opener(data) or partial(open_dataset, data)
    return f"{data.__module__}:{data.__qualname__}", data


def _split(images: VehicleImages, split: Split) -> Iterator[Finding]:
    queries = int(images.is_query.sum())
    gallery = len(images) - queries
    vehicles = len(np.unique(images.vehicle[images.known]))
    found = f"{queries} queries, {gallery} other images of {vehicles} vehicles"
    if split == "train":
        expected, ok = "images, none of them a query", gallery > 0 and not queries
    else:
        expected, ok = "queries and a gallery", gallery > 0 and queries > 0
    yield Finding(f"{split} split", expected, found, ok)
    unknown = int((~images.known).sum())
    if unknown:
        found = f"{unknown} images, which the ranking ignores"
        yield Finding("unknown vehicles", "as few as possible", found, None)
    if images.left_out:
        found = "; ".join(images.left_out[:LEFT_OUT_SHOWN])
        if len(images.left_out) > LEFT_OUT_SHOWN:
            found += f"; and {len(images.left_out) - LEFT_OUT_SHOWN} more"
        yield Finding("left out", "no file that you miss", found, None)


def _labels(images: VehicleImages) -> Iterator[Finding]:
    for name, labels, names in (
        ("color", images.color, images.colors),
        ("type", images.type, images.types),
    ):
        low, high = (int(labels.min()), int(labels.max())) if len(labels) else (UNKNOWN, UNKNOWN)
        known = int((labels != UNKNOWN).sum())
        yield Finding(
            f"{name} labels",
            f"0 to {len(names) - 1}, or {UNKNOWN} for unknown",
            f"{low} to {high}; {known} of {len(labels)} images labeled",
            low >= UNKNOWN and high < len(names),
        )
    problem = "; ".join(images.contradictions()) or None
    yield holds("labels of a vehicle", "one color and one type", problem)


def _queries(images: VehicleImages, split: Split) -> Iterator[Finding]:
    if split == "train":
        return
    lost = np.flatnonzero(images.is_query & ~images.answerable())
    problem = None
    if len(lost):
        i = int(lost[0])
        problem = f"{len(lost)} have none, first {images.files[i].name}"
    expected = "a gallery image of the same vehicle from another camera for each"
    yield holds("queries", expected, problem, f"{int(images.is_query.sum())} have one")


def _images(images: VehicleImages) -> Iterator[Finding]:
    """Reads one image at a time, because a large data set may not fit into memory."""
    problems: list[str] = []
    owner: dict[bytes, int] = {}
    shared: list[str] = []
    for i, file in enumerate(images.files):
        try:
            data = images.read(i)
            decode(data, file.name, SIDE)
        except (OSError, ImageError) as error:
            text = str(error)
            problems.append(text if file.name in text else f"{file.name}: {text}")
            continue
        vehicle = int(images.vehicle[i])
        if vehicle == UNKNOWN:
            continue
        if owner.setdefault(hashlib.sha256(data).digest(), vehicle) != vehicle:
            shared.append(file.name)
    total = len(images)
    first = "; ".join(problems[:3])
    bad = f"{len(problems)} of {total} cannot be; first: {first}" if problems else None
    yield holds("images", "all can be read and decoded", bad, f"all {total}")
    twice = f"{len(shared)} of {total}; first: {shared[0]}" if shared else None
    yield holds("the same file", "not under two vehicles", twice, "none")


def _again(images: VehicleImages, second: VehicleImages) -> Iterator[Finding]:
    same = images.content_hash() == second.content_hash()
    expected = "the same images, labels and bytes in the same order"
    yield holds("opened twice", expected, None if same else "another content hash", "the same")
