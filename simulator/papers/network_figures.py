"""Figures and tables about the networks, which need no sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from simulator.papers.complexity import write_complexity
from simulator.papers.gradcam import write_gradcam
from simulator.papers.information import write_information
from simulator.spec import RunSpec


@dataclass(frozen=True)
class NetworkFigure:
    """A figure or table about the networks.

    Attributes:
        title: What it shows.
        write: Writes its files into a directory.
    """

    title: str
    write: Callable[[RunSpec, Path], None]

    def make(self, base: RunSpec, out: Path) -> None:
        """Writes the files for SemHARQ in the setting of the base run."""
        self.write(replace(base, schemes=("semharq",)), out)


NETWORK_FIGURES = {
    "fig4": NetworkFigure("Grad-CAM of the three tasks at several SNRs", write_gradcam),
    "complexity": NetworkFigure("parameters and delays per module (v2)", write_complexity),
    "information": NetworkFigure("mutual information and its bound (v2)", write_information),
}
