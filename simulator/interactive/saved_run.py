"""A finished run that is read back from its directory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from simulator.files import read_json
from simulator.given_values import given_path
from simulator.results.curve import ACCURACIES
from simulator.results.curve_file import read_curve
from simulator.results.finished_run import no_run, read_rows
from simulator.spec import RunSpec

#: What places a point; the rows of the wide tables.
PLACE = ["scheme", "channel", "snr_db"]


@dataclass(frozen=True, repr=False)
class SavedRun:
    """A finished run; its tables are read when they are asked for.

    Attributes:
        directory: Directory of the run.
        record: Content of its run.json: spec, versions, hashes of the weights, failed cells.
    """

    directory: Path
    record: dict[str, Any]

    @cached_property
    def spec(self) -> RunSpec:
        """The specification of the run; `simulate(spec=run.spec)` repeats it."""
        return RunSpec.from_json(self.record["spec"])

    @cached_property
    def curve(self) -> pd.DataFrame:
        """The points: a row per scheme, channel, SNR and metric, with its interval."""
        return read_curve(self.directory / "curve.csv")

    @cached_property
    def images(self) -> pd.DataFrame:
        """The log of the images: a row per scheme, channel, SNR, seed and image."""
        return read_rows(self.directory)

    @cached_property
    def accuracies(self) -> pd.DataFrame:
        """Accuracies in percent: a row per scheme, channel and SNR, a column per metric."""
        return self._wide([m for m in self._metrics if m in ACCURACIES])

    @cached_property
    def costs(self) -> pd.DataFrame:
        """Costs, means per image: a row per scheme, channel and SNR, a column per metric."""
        return self._wide([m for m in self._metrics if m not in ACCURACIES])

    @property
    def _metrics(self) -> list[str]:
        return [str(metric) for metric in self.curve["metric"].unique()]

    def _wide(self, metrics: list[str]) -> pd.DataFrame:
        curve = self.curve[self.curve["metric"].isin(metrics)]
        table = curve.pivot(index=PLACE, columns="metric", values="value")[metrics]
        table.columns.name = None
        order = curve[PLACE].drop_duplicates()  # schemes as they were given, not by their names
        return table.loc[pd.MultiIndex.from_frame(order)]

    def __repr__(self) -> str:
        spec = self.spec
        return (
            f"SavedRun({str(self.directory)!r}: {', '.join(spec.schemes)} over {spec.channel_label}, "
            f"{len(spec.snr_db)} SNRs, {self.record['images']} images)"
        )

    def _repr_html_(self) -> str:
        table: str = self.accuracies.to_html(float_format="{:.1f}".format)
        return f"<p>{', '.join(self.spec.schemes)}; accuracies in percent</p>{table}"


def load_run(directory: str | Path | SavedRun) -> SavedRun:
    """Reads a finished run from its directory.

    Args:
        directory: As --out of `simulate` named it. A run that was read before is returned.

    Returns:
        The run, with `.curve`, `.images`, `.accuracies`, `.costs`, `.spec` and `.record`.

    Raises:
        ValueError: One line, if the directory holds no finished run.

    Example:
        ```
        from simulator import load_run

        run = load_run("runs/demo")
        run.costs
        run.images.groupby(["scheme", "snr_db"])["transmissions"].value_counts()
        ```
    """
    if isinstance(directory, SavedRun):
        return directory
    path = given_path("directory", directory)
    try:
        record = read_json(path / "run.json")
    except OSError as error:
        raise ValueError(no_run(path, error)) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path / 'run.json'} cannot be read: {error}") from None
    if not isinstance(record, dict) or "spec" not in record:
        raise ValueError(f"{path / 'run.json'} is no record of a run")
    return SavedRun(path, record)
