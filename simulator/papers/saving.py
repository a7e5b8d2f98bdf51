"""Saves figures in a form that publishers accept."""

from __future__ import annotations

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

#: TrueType. By default matplotlib writes Type 3 fonts, which IEEE does not accept.
FONT_TYPE = 42


def save_figure(figure: Figure, path: Path, dpi: int) -> None:
    """Writes a figure; the suffix of the file says PNG or PDF."""
    with rc_context({"pdf.fonttype": FONT_TYPE, "ps.fonttype": FONT_TYPE}):
        figure.savefig(path, dpi=dpi)
