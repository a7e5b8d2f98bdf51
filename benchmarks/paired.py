"""Paired differences between schemes, the tables of benchmarks/results/paired.

    python benchmarks/paired.py [--seeds 5] [--runs runs/paired] [--weights DIR] [TABLE ...]

Each table compares two schemes on the same images, fading and noise. The runs stay in `--runs`, so
that an interrupted call goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import pandas as pd

from simulator import compare, simulate
from simulator.files import write_whole
from simulator.sweeps.engines import Engine

PAPERS = ("semharq", "ik-s-harq", "rt-s-harq")
VARIANTS = ("semharq-no-fde", "semharq-sst", "semharq-csi", "semharq-oracle")
CONTROLS = ("semharq-coin", "semharq-magnitude")
METRICS = ("rank1", "mAP", "color_accuracy", "type_accuracy")


@dataclass(frozen=True)
class Run:
    """A run that tables compare: its schemes and what differs from the defaults."""

    schemes: tuple[str, ...]
    scheme_args: tuple[tuple[str, object], ...] = ()
    bandwidth_mhz: float = 3.0


RUNS = {
    "harq": Run((*PAPERS, *VARIANTS, *CONTROLS, "semharq-plus")),
    "four": Run((*PAPERS, "semharq-plus"), (("theta_0_db", 60.0),)),
    "silent": Run(("semharq-plus",), (("estimate_bits", 0),)),
    "1.5 MHz": Run(PAPERS, bandwidth_mhz=1.5),
    "6 MHz": Run(PAPERS, bandwidth_mhz=6.0),
}
_OTHERS = ("ik-s-harq", "rt-s-harq", *VARIANTS, *CONTROLS)
#: Table -> its differences: (run, scheme) minus (run, scheme).
TABLES: dict[str, list[tuple[str, str, str, str]]] = {
    "semharq": [("harq", "semharq", "harq", other) for other in _OTHERS],
    "semharq_plus": [
        ("harq", "semharq-plus", "harq", other) for other in (*PAPERS, "semharq-oracle")
    ],
    "semharq_plus_four_slots": [("four", "semharq-plus", "four", other) for other in PAPERS],
    "semharq_plus_feedback": [
        ("silent", "semharq-plus", "harq", "ik-s-harq"),
        ("harq", "semharq-plus", "silent", "semharq-plus"),
    ],
    "rt_minus_ik": [(run, "rt-s-harq", run, "ik-s-harq") for run in ("1.5 MHz", "harq", "6 MHz")],
}


@click.command()
@click.argument("tables", nargs=-1, type=click.Choice(sorted(TABLES)))
@click.option("--seeds", default=5, help="Seeds of fading and noise.")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs/paired"))
@click.option("--weights", default=None, help="Weights directory [the package's].")
@click.option("--out", type=click.Path(path_type=Path), default=Path("benchmarks/results/paired"))
def main(tables: tuple[str, ...], seeds: int, runs: Path, weights: str | None, out: Path) -> None:
    """Simulates what the tables need and writes TABLE.csv for each."""
    chosen = tables or tuple(TABLES)
    for name in dict.fromkeys(run for t in chosen for a in TABLES[t] for run in (a[0], a[2])):
        run = RUNS[name]
        simulate(
            list(run.schemes),
            "-6:8:2",
            scheme_args=dict(run.scheme_args),
            seeds=seeds,
            bandwidth_hz=1e6 * run.bandwidth_mhz,
            weights=weights,
            out=runs / name,
            engine=Engine("local"),
        )
    for table in chosen:
        rows = pd.concat([difference(runs, *sides) for sides in TABLES[table]])
        write_whole(out / f"{table}.csv", lambda path, rows=rows: rows.to_csv(path, index=False))
        click.echo(f"{out / table}.csv")


def difference(runs: Path, run_a: str, a: str, run_b: str, b: str) -> pd.DataFrame:
    """Returns one row per metric and SNR, in points, rounded to two decimals."""
    table = compare(f"{runs / run_a}:{a}", f"{runs / run_b}:{b}", METRICS).round(2)
    sides = {"scheme_a": a, "run_a": run_a, "scheme_b": b, "run_b": run_b}
    return table.assign(**sides)[[*sides, *table.columns]]


if __name__ == "__main__":
    main()
