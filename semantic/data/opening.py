"""Opens the data set that a name stands for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from semantic.data.dataset import SPLITS, Split, VehicleImages, check_queries
from semantic.data.embedded import open_synthetic
from semantic.data.folder import open_folder
from semantic.data.imported import find_opener
from semantic.data.tree import exists, neighbors
from semantic.data.veri import open_veri
from semantic.suggest import nearest


def open_dataset(spec: str, split: Split = "test", pattern: str | None = None) -> VehicleImages:
    """Opens the set that a `--data` option names.

    Args:
        spec: "synthetic" (the embedded test set), "veri:DIR" (VeRi-776), "DIR" (a folder with a
            table of labels, or file names that carry them), or a function of one's own by entry
            point or "package.module:function". A leading ~ is the home directory.
        split: "test" for queries and gallery, "train" for training images.
        pattern: for "DIR", a regular expression that reads vehicle and camera from a file name;
            see `semantic.data.patterns`.

    Raises:
        ValueError: for anything that cannot be opened; one line that names the file or directory.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; {nearest(split, SPLITS)}")
    kind, colon, rest = spec.partition(":")
    if pattern is not None and (spec == "synthetic" or kind == "veri"):
        raise ValueError(f"{spec} takes no file-name pattern; only a plain directory does")
    if spec == "synthetic":
        return open_synthetic(split)
    if kind == "veri" and colon:
        if not rest:
            raise ValueError("'veri:' names no directory; use veri:DIR")
        return open_veri(at_home(rest), split)
    root = at_home(spec)
    if spec and exists(root):
        return open_folder(root, split, pattern)
    opener = find_opener(spec)
    if opener is None:
        names = ("synthetic", "veri:", *neighbors(root))
        hint = nearest(kind + colon if colon else root.name, names, "")
        raise ValueError(
            f"data set {spec!r} is neither synthetic, nor veri:DIR, nor a directory{hint}"
        )
    if pattern is not None:
        raise ValueError(f"{spec} takes no file-name pattern; only a plain directory does")
    images = opener(split)
    if split == "test":
        check_queries(images, spec)
    return images


def own_opener(spec: str) -> Callable[[Split], VehicleImages] | None:
    """Returns the user's function behind a ``--data`` option; None if it names anything else."""
    if spec == "synthetic" or spec.startswith("veri:") or (spec and exists(at_home(spec))):
        return None
    return find_opener(spec)


def at_home(path: str) -> Path:
    """Returns a path whose leading ~ is the home directory; ValueError if nobody knows it."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # no such user, or nobody knows where the home directory is
        raise ValueError(f"{path}: {error}") from error
