"""The comparisons of the atlas, and what the papers publish of them."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd

#: Name of a comparison -> the two schemes A and B of A - B. The first four are those of the forest plot.
COMPARISONS = {
    "SemHARQ - IK": ("semharq", "ik-s-harq"),
    "SemHARQ - RT": ("semharq", "rt-s-harq"),
    "IK - RT": ("ik-s-harq", "rt-s-harq"),
    "FIR - sequential": ("smsc-fir", "smsc-sequential"),
    "F - coin": ("semharq", "semharq-coin"),
    "magnitude - coin": ("semharq-magnitude", "semharq-coin"),
    "genie - coin": ("semharq-genie", "semharq-coin"),
}
FOREST = tuple(COMPARISONS)[:4]

#: Schemes that are evaluated with the weights of semharq.
CONTROLS = ("semharq-coin", "semharq-magnitude", "semharq-genie")

#: Published relative gains: (source, experiment of the gain, scheme A, scheme B, points of A).
GAINS = (
    ("semharq-v2", "fig9", "semharq", "ik-s-harq", "table3"),
    ("semharq-v2", "fig9", "semharq", "rt-s-harq", "table3"),
    ("semharq-v1", "fig8", "semharq", "ik-s-harq", "fig8"),
    ("semharq-v1", "fig8", "semharq", "rt-s-harq", "fig8"),
    ("smsc-fir", "fig3", "smsc-fir", "smsc-sequential", "table1"),
)


def published_differences(metric: str) -> pd.DataFrame:
    """Returns the published differences in points: columns comparison, snr_db, difference.

    The papers give relative gains. A gain of g % of A over B, with A known, is the difference
    A - A / (1 + g / 100).

    Args:
        metric: "rank1", "mAP", "color_accuracy" or "type_accuracy".
    """
    with (files("simulator.papers") / "published.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file)
    table = table[table["metric"] == metric]
    names = {schemes: name for name, schemes in COMPARISONS.items()}
    found = []
    for source, figure, a, b, points in GAINS:
        of = table[table["source"] == source]
        gains = of[(of["experiment"] == figure) & of["scheme"].str.startswith(f"{a} over {b},")]
        values = of[(of["experiment"] == points) & (of["scheme"] == a)].set_index("snr_db")["value"]
        for gain in gains.itertuples():
            if gain.snr_db in values.index:
                ours = float(values[gain.snr_db])
                difference = ours - ours / (1 + gain.value / 100)
                found.append((names[a, b], float(gain.snr_db), difference))
    return _with_ik_minus_rt(pd.DataFrame(found, columns=["comparison", "snr_db", "difference"]))


def _with_ik_minus_rt(table: pd.DataFrame) -> pd.DataFrame:
    """Adds IK - RT, which is the difference of the two differences of SemHARQ."""
    wide = table.pivot(index="snr_db", columns="comparison", values="difference")
    if {"SemHARQ - RT", "SemHARQ - IK"} <= {*wide.columns}:
        both = (wide["SemHARQ - RT"] - wide["SemHARQ - IK"]).dropna()
        rows = both.rename("difference").reset_index().assign(comparison="IK - RT")
        table = pd.concat([table, rows[table.columns]], ignore_index=True)
    return table
