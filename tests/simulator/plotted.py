"""Curves to draw, and their figures."""

import itertools

import pandas as pd

from simulator.plots.panels import Choice, Panel, panels

SNRS = (-6.0, -3.0, 0.0, 3.0, 6.0)


RISING = dict(zip(SNRS, (5.0, 80.0, 90.0, 92.0, 94.0), strict=True))


def curve(schemes: int, rising: bool = False) -> pd.DataFrame:
    """An invented curve: all lines rise and leave room below, or they fill the panel."""
    rows = []
    for i, snr_db in itertools.product(range(schemes), SNRS):
        value = RISING[snr_db] + i if rising else 100 * (i + 0.5) / schemes + snr_db / 10
        for metric, scale in (("rank1", 1.0), ("mAP", 0.9), ("channel_uses", 3.0)):
            at = {"run": "r", "scheme": f"s{i}", "channel": "c", "snr_db": snr_db}
            value_here = scale * value
            bounds = {"ci_low": value_here - 2, "ci_high": value_here + 3}
            rows.append({**at, "metric": metric, "value": value_here, **bounds, "n": 9})
    return pd.DataFrame(rows)


def made(table: pd.DataFrame, *metrics: str) -> list[Panel]:
    return panels(table, Choice(metrics=metrics or ("rank1",)))
