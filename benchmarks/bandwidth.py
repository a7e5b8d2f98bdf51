"""Chooses the bandwidth W of the embedded set by SemHARQ's curve on a validation split.

    python benchmarks/bandwidth.py --data data/validation [--weights DIR] [--out docs/results]

The rule: the widest W at which SemHARQ's curve shows the whole range. That is, at -6 dB rank-1 is
below 60 % of the ceiling, from -6 to 4 dB it rises by 2 points or more with every 2 dB, and at 8 dB
no accuracy is more than 2 points below the ceiling.
"""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd

from simulator import Engine, simulate
from simulator.files import write_whole

BANDWIDTHS_MHZ = (1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0)
ACCURACIES = ["rank1", "mAP", "color_accuracy", "type_accuracy"]


def rule(curve: pd.DataFrame, ceiling: pd.Series) -> dict[str, float]:
    """Returns the three numbers that the rule looks at.

    Args:
        curve: Accuracies of SemHARQ in percent, a row for each SNR from -6 to 8 dB.
        ceiling: Accuracies without a channel.

    >>> curve = pd.DataFrame({m: [40.0, 50.0, 88.0] for m in ACCURACIES}, index=[-6.0, 4.0, 8.0])
    >>> rule(curve, pd.Series({m: 90.0 for m in ACCURACIES}))
    {'share_at_-6_dB': 44.4, 'smallest_rise': 10.0, 'largest_loss_at_8_dB': 2.0}
    """
    rank1 = curve["rank1"]
    return {
        "share_at_-6_dB": round(float(100 * rank1[-6.0] / ceiling["rank1"]), 1),
        "smallest_rise": round(float(rank1[rank1.index <= 4.0].diff().min()), 1),
        "largest_loss_at_8_dB": round(float((ceiling - curve.loc[8.0])[ACCURACIES].max()), 1),
    }


@click.command()
@click.option("--data", required=True, help="Validation split: W is not chosen on test images.")
@click.option("--weights", default=None, help="Weights directory [the package's].")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/results"))
def main(data: str, weights: str | None, out: Path) -> None:
    """Prints the accuracies and what the rule looks at; writes bandwidth.csv."""
    tables, found = [], {}
    for bandwidth_mhz in BANDWIDTHS_MHZ:
        table = simulate(
            "semharq,perfect",
            "-6:8:2",
            data=data,
            bandwidth_hz=1e6 * bandwidth_mhz,
            weights=weights,
            engine=Engine("auto"),
        )
        wide = table.pivot(index=["scheme", "snr_db"], columns="metric", values="value")
        wide = wide[[*ACCURACIES, "transmissions", "channel_uses"]]
        found[bandwidth_mhz] = rule(wide.loc["semharq"], wide.loc["perfect", 8.0])
        tables.append(wide.reset_index().assign(bandwidth_mhz=bandwidth_mhz))
    all_rows = pd.concat(tables).round(2)
    click.echo(all_rows.to_string(index=False))
    looked_at = pd.DataFrame(found).T
    click.echo(looked_at.to_string())
    fits = (
        (looked_at["share_at_-6_dB"] < 60)
        & (looked_at["smallest_rise"] >= 2)
        & (looked_at["largest_loss_at_8_dB"] <= 2)
    )
    widest = max(looked_at.index[fits], default=None)
    click.echo("no W fits the rule" if widest is None else f"W = {widest:g} MHz")
    write_whole(out / "bandwidth.csv", lambda path: all_rows.to_csv(path, index=False))


if __name__ == "__main__":
    main()
