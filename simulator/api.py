"""Runs from Python: `simulator.simulate(...)`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from simulator.setup.prepare import prepare
from simulator.spec import RunSpec, parse_snr
from simulator.sweeps.engines import Engine
from simulator.sweeps.limits import check_load
from simulator.sweeps.records import write_result
from simulator.sweeps.sweep import run
from simulator.sweeps.trainings import run_trainings
from simulator.trust import parts_of, refuse_untrusted


def simulate(
    scheme: str | list[str] | None = None,
    snr: str | float | Iterable[float] | None = None,
    *,
    spec: RunSpec | str | Path | None = None,
    out: str | Path | None = None,
    engine: Engine | None = None,
    trust: bool = False,
    **fields: Any,
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
        fields: Further fields of a `RunSpec`, e.g. channel="rayleigh", channel_args={"fading":
            "block"}, seeds=3, until="ci=1.0".

    Returns:
        The columns of `simulator.results.curve.COLUMNS`. Its `attrs` hold the
        spec as JSON under "spec", and the failed cells under "failed_cells".

    Raises:
        ValueError: One line, for a value that is not allowed.
    """
    base = RunSpec.read(Path(spec)) if isinstance(spec, (str, Path)) else spec or RunSpec()
    value = base.to_json() | fields
    if scheme is not None:
        names = scheme.split(",") if isinstance(scheme, str) else scheme
        value["schemes"] = [name.strip() for name in names if name.strip()]
    if snr is not None:
        value["snr_db"] = parse_snr(snr) if isinstance(snr, str) else _listed(snr)
    final = RunSpec.from_json(value)
    if isinstance(spec, (str, Path)) and not trust:
        own = {f: value[f] for f in fields}
        if scheme is not None:
            own["schemes"] = value["schemes"]
        refuse_untrusted(final, parts_of(RunSpec.from_json(own)), Path(spec))
    check_load(final)
    where = None if out is None else Path(out).absolute()
    result = run_trainings(
        final, where, lambda spec, out: run(prepare(spec), out=out, engine=engine)
    )
    if where is not None:
        write_result(result, where)
    table = result.curve
    table.attrs["spec"] = result.spec.to_json()
    table.attrs["failed_cells"] = [str(failure) for failure in result.failures]
    return table


def _listed(snr: float | Iterable[float]) -> Iterable[float]:
    return snr if isinstance(snr, Iterable) else [snr]
