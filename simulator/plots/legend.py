"""A legend that covers no data: in free room of the only panel, or below the panels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.transforms import Bbox

#: Places in a panel, in the order in which they are tried.
PLACES = (
    *("upper left", "lower right", "upper right", "lower left"),
    *("center left", "center right", "upper center", "lower center", "center"),
)


def place_legend(figure: Figure, panels: Sequence[Axes], labels: Sequence[str], where: str) -> None:
    """Places the legend of all panels.

    Args:
        figure: The figure, with constrained layout.
        panels: Its panels.
        labels: The labels in the order of the legend.
        where: "auto" for free room in the only panel, and otherwise below; "below"; or "none".
    """
    found: dict[str, Any] = {}
    for ax in panels:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    entries = {label: found[label] for label in dict.fromkeys(labels)}
    if where == "none":
        return
    if where == "auto" and len(panels) == 1 and _inside(figure, panels[0], entries):
        return
    _below(figure, entries)


def _inside(figure: Figure, ax: Axes, entries: dict[str, Any]) -> bool:
    """Places the legend where no data are; returns whether there is such a place."""
    figure.draw_without_rendering()  # lays the panel out
    data = list(_data(figure, ax))
    for place in PLACES:
        legend = ax.legend(
            list(entries.values()), list(entries), loc=cast(Any, place), framealpha=1
        )
        legend.set_in_layout(False)
        box = legend.get_window_extent()
        if _within(box, ax.get_window_extent()) and not any(
            path.intersects_bbox(box.padded(margin), filled) for path, margin, filled in data
        ):
            return True
        legend.remove()
    return False


def _data(figure: Figure, ax: Axes) -> Iterator[tuple[Path, float, bool]]:
    """Yields what is drawn of the data: path in pixels, half its width, and whether it is filled."""
    pixels = figure.dpi / 72
    for line in ax.lines:
        path = line.get_transform().transform_path(line.get_path())
        margin = pixels * (1 + max(line.get_markersize(), line.get_linewidth()) / 2)
        if line.get_linestyle() != "None":
            yield path, margin, False
        for point in np.asarray(path.vertices):
            yield Path([point, point]), margin, False
    for collection in ax.collections:
        filled = len(collection.get_facecolor()) > 0
        for path in collection.get_paths():
            yield collection.get_transform().transform_path(path), pixels, filled


def _within(inner: Bbox, outer: Bbox) -> bool:
    return bool(
        (inner.x0 >= outer.x0 and inner.y0 >= outer.y0)
        and (inner.x1 <= outer.x1 and inner.y1 <= outer.y1)
    )


def _below(figure: Figure, entries: dict[str, Any]) -> None:
    """Places the legend below all panels, in as many columns as fit the width."""
    for columns in range(len(entries), 0, -1):
        legend = figure.legend(
            list(entries.values()),
            list(entries),
            loc="outside lower center",
            ncols=columns,
            framealpha=1,
        )
        figure.draw_without_rendering()
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()
