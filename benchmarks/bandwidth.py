"""Rank-1 and mAP over the bandwidth W at the lowest and highest SNR, to choose W for the embedded set.

python benchmarks/bandwidth.py --data data/validation [--weights DIR] [--out docs/results]
"""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd

from simulator.files import write_whole
from simulator.spec import RunSpec
from simulator.sweeps.sweep import simulate

BANDWIDTHS_MHZ = (1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0)


@click.command()
@click.option("--data", required=True, help="Validation split: W is not chosen on test images.")
@click.option("--weights", default=None, help="Weights directory [the package's].")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/results"))
def main(data: str, weights: str | None, out: Path) -> None:
    """Prints the table and writes bandwidth.csv."""
    tables = []
    for bandwidth_mhz in BANDWIDTHS_MHZ:
        spec = RunSpec(
            schemes=("semharq", "perfect"),
            snr_db=(-6.0, 0.0, 8.0),
            data=data,
            bandwidth_hz=1e6 * bandwidth_mhz,
            weights=weights,
        )
        curve = simulate(spec).curve
        wide = curve.pivot(index=["scheme", "snr_db"], columns="metric", values="value")
        columns = ["rank1", "mAP", "color_accuracy", "type_accuracy", "transmissions"]
        tables.append(wide[columns].reset_index().assign(bandwidth_mhz=bandwidth_mhz))
    table = pd.concat(tables).round(2)
    click.echo(table.to_string(index=False))
    write_whole(out / "bandwidth.csv", lambda path: table.to_csv(path, index=False))


if __name__ == "__main__":
    main()
