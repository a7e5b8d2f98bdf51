"""The figure of an image that was sent: image, transmissions, answers over the transmissions."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

#: Colors that color-blind readers tell apart (Okabe and Ito): new features, repeated ones.
NEW, REPEATED = "#0072B2", "#D55E00"
#: Most answers of a task that are drawn.
ANSWERS = 3
LINES = (("#0072B2", "o", "-"), ("#D55E00", "s", "--"), ("#009E73", "^", ":"))


class ShownFigure(Figure):
    """A figure that a notebook shows without any setting of matplotlib."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=110)
        return file.getvalue()


def draw_sent(
    pixels: np.ndarray,
    title: str,
    features: pd.DataFrame,
    history: pd.DataFrame,
    answers: Mapping[str, tuple[list[torch.Tensor], tuple[str, ...]]],
) -> ShownFigure:
    """Draws one image of a record at one SNR with one seed.

    Args:
        pixels: uint8 [h, w, 3].
        title: The line above.
        features: Rows of `Sent.features` of this image.
        history: Rows of `Sent.history` of this image.
        answers: By title of a panel: probabilities after each transmission, and their names.
    """
    figure = ShownFigure(figsize=(11, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    image, carried, *panels = figure.subplots(
        1, 2 + len(answers), width_ratios=(1, 1.5, *(1.2 for _ in answers))
    )
    image.imshow(pixels)
    image.set_axis_off()
    image.set_title("as the encoder reads it", fontsize=9)
    _draw_transmissions(carried, features, history)
    numbers = history["transmission"].to_numpy()
    for ax, (what, (steps, names)) in zip(panels, answers.items(), strict=True):
        _draw_answers(ax, numbers, steps, names)
        ax.set_title(what, fontsize=9)
    figure.suptitle(title, fontsize=10)
    return figure


def _draw_transmissions(ax: Axes, features: pd.DataFrame, history: pd.DataFrame) -> None:
    """Draws the features of each transmission by position, or its channel uses without features."""
    numbers = history["transmission"].to_numpy()
    if len(features):
        for repeated, paint, name in ((False, NEW, "new"), (True, REPEATED, "repeated")):
            some = features[features["repeated"] == repeated]
            style: dict[str, Any] = {
                "marker": "|",
                "linestyle": "none",
                "markersize": 13,
                "color": paint,
            }
            ax.plot(some["feature"], some["transmission"], label=f"{name} ({len(some)})", **style)
        ax.set_xlabel("feature (position)")
        ax.legend(
            fontsize=7, loc="upper center", ncols=2, bbox_to_anchor=(0.5, -0.22), frameon=False
        )
    else:
        ax.barh(numbers, history["channel_uses"], color=NEW, height=0.5)
        ax.set_xlabel("channel uses")
    ax.set_yticks(numbers)
    ax.set_ylim(max(numbers) + 0.6, 0.4)
    ax.set_ylabel("transmission")
    ax.set_title("sent", fontsize=9)


def _draw_answers(
    ax: Axes, numbers: np.ndarray, steps: list[torch.Tensor], names: tuple[str, ...]
) -> None:
    """Draws the probabilities of the most probable answers over the transmissions."""
    values = np.stack([probabilities.numpy() for probabilities in steps])
    for i, (paint, marker, line) in zip(np.argsort(-values[-1])[:ANSWERS], LINES, strict=False):
        style: dict[str, Any] = {
            "color": paint,
            "marker": marker,
            "linestyle": line,
            "markersize": 4,
        }
        ax.plot(numbers, values[:, i], label=f"{names[i]} {values[-1, i]:.2f}", **style)
    ax.set_ylim(-0.03, 1.03)
    ax.set_xticks(numbers)
    ax.set_xlabel("transmission")
    ax.set_ylabel("probability")
    ax.legend(fontsize=7)
