"""A note for means that few vehicles decide: their intervals are conservative."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from simulator.results.curve import ACCURACIES

#: Below so many vehicles in the minority, intervals hold the truth in more than 97 % of studies.
FEW = 3
#: Fewer vehicles than this in the whole set make every interval wide.
FEW_IN_ALL = 20


def few_vehicles_notes(curve: pd.DataFrame) -> Iterator[str]:
    """Yields a line for each scheme with accuracies that fewer than about three vehicles decide.

    Near 0 and 100 %, the vehicles in the minority decide the mean. Their number is about
    min(p, 1 - p) times the number of vehicles.

    Args:
        curve: Points as in curve.csv.
    """
    points = curve[curve["metric"].isin(ACCURACIES) & (curve["n"] > 0)]
    if points.empty:
        return
    least = int(points["vehicles"].min())
    if least < FEW_IN_ALL:
        yield (
            f"a mean over {least} vehicle{'s' * (least != 1)} only: every interval is wide, and conservative "
            "(docs/statistics.md)"
        )
        return
    share = points["value"] / 100
    deciding = share.where(share < 0.5, 1 - share) * points["vehicles"]
    few = points[deciding < FEW]
    for scheme, rows in few.groupby("scheme", sort=False):
        metrics = ", ".join(
            f"{metric} at {_listed(at['snr_db'].tolist())} dB"
            for metric, at in rows.groupby("metric", sort=False)
        )
        yield (
            f"{scheme}: fewer than {FEW} vehicles decide {metrics}; these intervals are "
            "conservative (docs/statistics.md)"
        )


def _listed(snrs_db: list[float]) -> str:
    """The SNRs of a note: all of a few, or the ends of many.

    >>> _listed([0.0, 2.0]), _listed([-6.0, -4.0, 0.0, 8.0])
    ('0, 2', '4 SNRs from -6 to 8')
    """
    if len(snrs_db) <= 3:
        return ", ".join(f"{snr_db:g}" for snr_db in snrs_db)
    return f"{len(snrs_db)} SNRs from {min(snrs_db):g} to {max(snrs_db):g}"
