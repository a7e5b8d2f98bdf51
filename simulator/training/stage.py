"""What the stages of `simulate train` share: a directory with its options, and the training images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from semantic.data.dataset import VehicleImages
from semantic.training.log import Log
from simulator.training.presets import Preset


@dataclass(frozen=True)
class TrainingImages:
    """Decoded training images.

    Attributes:
        images: Names and labels of the images that could be read.
        pixels: [images, edge, edge, 3] uint8.
        extra: Images of the extra data, [images] bool.
    """

    images: VehicleImages
    pixels: np.ndarray
    extra: np.ndarray


@dataclass(frozen=True)
class Stage:
    """One encoder and the links behind it, in one directory.

    Attributes:
        out: The directory.
        preset: Options of training.
        schemes: Schemes of the links.
        device: Torch device.
        show: Prints a line of text.
        bar: Shows what is trained, the steps done, and all of them.
        note: What the weights of the links record beside their settings.
    """

    out: Path
    preset: Preset
    schemes: tuple[str, ...]
    device: str
    show: Callable[[str], None]
    bar: Callable[[str, int, int], None] = lambda what, done, total: None
    note: Mapping[str, Any] = field(default_factory=dict)

    def log(self, name: str, steps: int) -> Log:
        """Returns the log of one training of this directory."""
        what = f"{self.out.name}/{name}"
        path = self.out / f"{name}.log.jsonl"
        show = self.show
        return Log(
            path,
            lambda line: show(f"{what} of {steps}: {line}"),
            lambda done: self.bar(what, done, steps),
        )
