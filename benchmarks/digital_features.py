"""Accuracy over the bits per quantized feature and the bandwidth W, next to that of SemHARQ.

python benchmarks/digital_features.py [--bits 2,4] [--bandwidth-mhz 0.3,3] [--budget uses] [--out docs/results]
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import pandas as pd

from simulator.files import write_whole
from simulator.spec import RunSpec, parse_snr
from simulator.sweeps.sweep import run_spec

COLUMNS = ["rank1", "mAP", "color_accuracy", "type_accuracy", "transmissions", "channel_uses"]


def measure(spec: RunSpec, scheme: str, bits: int | None) -> pd.DataFrame:
    """One row per SNR."""
    curve = run_spec(spec).curve
    wide = curve.pivot(index="snr_db", columns="metric", values="value")
    sent = [c for c in ("information_bits", "goodput") if c in wide]
    labels = {"scheme": scheme, "bits": bits, "bandwidth_mhz": spec.bandwidth / 1e6}
    return wide[COLUMNS + sent].reset_index().assign(**labels)


@click.command()
@click.option("--bits", default="1,2,3,4,6,8", help="Bits per feature.")
@click.option("--bandwidth-mhz", default="0.3,3", help="W.")
@click.option("--snr", default="-6:8:7", help="As for `simulate`.")
@click.option("--budget", default="slots", help="slots or uses.")
@click.option("--images", type=int, default=None, help="About how many images [all].")
@click.option("--weights", default=None, help="Weights directory [the package's].")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/results"))
def main(
    bits: str,
    bandwidth_mhz: str,
    snr: str,
    budget: str,
    images: int | None,
    weights: str | None,
    out: Path,
) -> None:
    """Prints the table and writes digital_features.csv."""
    tables = []
    for megahertz in bandwidth_mhz.split(","):
        analog = RunSpec(
            snr_db=parse_snr(snr),
            budget=budget,
            images=images,
            weights=weights,
            bandwidth_hz=1e6 * float(megahertz),
        )
        tables.append(measure(analog, "semharq", None))
        for b in map(int, bits.split(",")):
            spec = replace(analog, schemes=("digital-features",), scheme_args=(("bits", b),))
            tables.append(measure(spec, "digital-features", b))
    table = pd.concat(tables).round(3)
    click.echo(table.to_string(index=False))
    write_whole(out / "digital_features.csv", lambda path: table.to_csv(path, index=False))


if __name__ == "__main__":
    main()
