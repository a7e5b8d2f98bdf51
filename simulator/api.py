"""Runs from Python: `simulator.simulate(...)`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from simulator.setup.prepare import prepare
from simulator.spec import RunSpec, parse_snr
from simulator.sweeps.engines import Engine
from simulator.sweeps.limits import check_load
from simulator.sweeps.records import write_result
from simulator.sweeps.sweep import run
from simulator.trust import parts_of, refuse_untrusted


def simulate(
    scheme: str | list[str] | None = None,
    snr: str | float | list[float] | None = None,
    *,
    spec: RunSpec | str | Path | None = None,
    out: str | Path | None = None,
    engine: Engine | None = None,
    trust: bool = False,
    **fields: Any,
) -> pd.DataFrame:
    """Runs a spec, as the command line does, and gives its curve.

    Args:
        scheme: Names, "a,b" or a list.
        snr: dB: "-6:8:2", a number or a list.
        spec: What to begin with: a spec, or the run.json of an earlier run.
        out: Directory of cells and results, as --out; None keeps nothing.
        engine: Where cells are computed; this process by default.
        trust: Whether to execute parts "module:name" that the file of `spec` names; parts that
            the call itself names are trusted.
        fields: Further fields of a `RunSpec`, e.g. channel="rayleigh", channel_args={"fading":
            "block"}, seeds=3, until="ci=1.0".

    Returns:
        Columns scheme, channel, snr_db, metric, value, ci_low, ci_high, n. Its `attrs` hold the
        spec as JSON under "spec", and the cells that failed under "failed_cells".

    Raises:
        ValueError: One line that names what is wrong.
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
    result = run(prepare(final), out=where, engine=engine)
    if where is not None:
        write_result(result, where)
    table = result.curve
    table.attrs["spec"] = result.spec.to_json()
    table.attrs["failed_cells"] = [str(failure) for failure in result.failures]
    return table


def _listed(snr: float | list[float]) -> list[float]:
    return list(snr) if isinstance(snr, (list, tuple)) else [float(snr)]
