"""Opens the data set that a name stands for."""

from __future__ import annotations

from pathlib import Path

from semantic.data.dataset import SPLITS, Split, VehicleImages, check_queries
from semantic.data.embedded import open_synthetic
from semantic.data.folder import open_folder
from semantic.data.imported import find_opener
from semantic.data.veri import open_veri
from semantic.suggest import nearest


def open_dataset(spec: str, split: Split = "test", pattern: str | None = None) -> VehicleImages:
    """Open the set that a ``--data`` option names.

    Args:
        spec: "synthetic" (the embedded test set), "veri:DIR" (VeRi-776), "DIR" (a folder with a
            table of labels, or file names that carry them), or a function of one's own by entry
            point or "package.module:function".
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
        return open_veri(Path(rest), split)
    root = Path(spec)
    if not spec or not root.exists():
        opener = find_opener(spec)
        if opener is not None:
            if pattern is not None:
                raise ValueError(f"{spec} takes no file-name pattern; only a plain directory does")
            images = opener(split)
            if split == "test":
                check_queries(images, spec)
            return images
        siblings = [p.name for p in root.parent.iterdir()] if root.parent.is_dir() else []
        hint = nearest(kind + colon if colon else root.name, ("synthetic", "veri:", *siblings), "")
        raise ValueError(
            f"data set {spec!r} is neither synthetic, nor veri:DIR, nor a directory{hint}"
        )
    return open_folder(root, split, pattern)
