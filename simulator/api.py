"""Runs from Python: `simulator.simulate(...)` and `simulator.compare(...)`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Unpack

import pandas as pd

from simulator.commands.terminal import Bar
from simulator.given_values import given_names, given_object, given_path
from simulator.interactive.saved_run import SavedRun
from simulator.results.compare import compare_runs, open_side
from simulator.run_fields import RunFields, with_fields, with_run_fields
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.engines import Engine
from simulator.sweeps.limits import check_load
from simulator.sweeps.records import write_result
from simulator.sweeps.sweep import run
from simulator.sweeps.trainings import run_trainings
from simulator.trust import parts_of, refuse_untrusted


@with_run_fields
def simulate(
    scheme: str | list[str] | None = None,
    snr: str | float | Iterable[float] | None = None,
    *,
    spec: RunSpec | str | Path | None = None,
    out: str | Path | None = None,
    engine: Engine | None = None,
    trust: bool = False,
    progress: bool | None = None,
    **fields: Unpack[RunFields],
) -> pd.DataFrame:
    """Runs a spec, as the command line does, and returns its curve.

    Args:
        scheme: Names, "a,b" or a list.
        snr: In dB: "-6:8:2", a number, a list, a range or an array.
        spec: Spec to start from, or the run.json of an earlier run; default values otherwise.
        out: Directory of cells and results, as --out; None stores nothing.
        engine: Computes the cells; this process by default.
        trust: Whether to execute parts "module:name" that the file of `spec` names; parts that
            the call itself names are trusted.
        progress: Whether to show a progress bar on stderr; None shows it in a terminal or notebook.
        fields: Further fields of a `RunSpec`, e.g. channel="rayleigh", channel_args={"fading":
            "block"}, seeds=3, until="ci=1.0". fading="block" is short for the channel's argument.

    Returns:
        The columns of `simulator.results.curve.COLUMNS`. Its `attrs` hold the
        spec as JSON under "spec", and the failed cells under "failed_cells".

    Raises:
        ValueError: One line, for a value that is not allowed.

    Example:
        ```
        from simulator import simulate

        table = simulate("semharq,perfect", "-6:8:2", channel="rayleigh", images=60, out="runs/demo")
        table[table["metric"] == "mAP"].pivot(index="snr_db", columns="scheme", values="value")
        ```
    """
    file = given_path("spec", spec) if isinstance(spec, (str, os.PathLike)) else None
    start = RunSpec.read(file) if file else RunSpec() if spec is None else spec
    base = given_object("spec", start, RunSpec, "a RunSpec, or the path of a run.json")
    if engine is not None:
        given_object("engine", engine, Engine, "an Engine, e.g. Engine('local', workers=2)")
    for name, value in (("trust", trust), ("progress", bool(progress is None) or progress)):
        given_object(name, value, bool, "True or False")
    final = with_fields(base, scheme, snr, fields)
    if file is not None and not trust:
        own = with_fields(RunSpec(), scheme, snr, fields)
        refuse_untrusted(final, parts_of(own), file)
    check_load(final)
    where = None if out is None else given_path("out", out).absolute()
    with Bar(not _shown(progress)) as bar:
        result = run_trainings(
            final, where, lambda spec, out: run(prepare(spec), bar, out=out, engine=engine)
        )
    if where is not None:
        write_result(result, where)
    table = result.curve
    table.attrs["spec"] = result.spec.to_json()
    table.attrs["failed_cells"] = [str(failure) for failure in result.failures]
    return table


def compare(
    a: str | Path | SavedRun, b: str | Path | SavedRun, metrics: Sequence[str] | None = None
) -> pd.DataFrame:
    """Compares two schemes image by image: the mean of A minus B with its interval.

    Args:
        a: A run's directory, "DIR:SCHEME" if it has several schemes, or what `load_run` returned.
        b: The other side, simulated with the same images and seeds.
        metrics: Names as in the curve; the four accuracies by default.

    Returns:
        A row per channel, SNR and metric; docs/columns.md explains the columns.

    Raises:
        ValueError: One line, if the runs have no point in common or differ in their images.

    Example:
        ```
        from simulator import compare

        compare("runs/demo:semharq", "runs/demo:perfect", metrics=["mAP"])
        ```
    """
    left, right = (
        open_side(str(one.directory if isinstance(one, SavedRun) else given_path(name, one)))
        for name, one in (("a", a), ("b", b))
    )
    return compare_runs(left, right, None if metrics is None else given_names("metrics", metrics))


def _shown(progress: bool | None) -> bool:
    """Whether a progress bar is shown: in a terminal, or in a notebook, if nothing else was said."""
    if progress is not None:
        return progress
    return sys.stderr.isatty() or "ipykernel" in sys.modules
