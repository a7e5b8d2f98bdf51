"""The tables of the frontier in Markdown: one for each SNR, metric and price."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from simulator.frontier.points import CEILING, LEVELS, best_at, capacity, leads
from simulator.results.figures import TITLES

#: Prices in the words of a heading.
PRICE_NAMES = {
    "channel_uses": "channel uses",
    "uses_charged": "channel uses with feedback, headers and pilots",
}
#: What stands where a scheme has no point at so low a price.
NONE = ""


def markdown(
    points: pd.DataFrame, lines: pd.DataFrame, metrics: tuple[str, ...], price: str, ours: str
) -> str:
    """Returns the tables of all SNRs, then those of the leads and of the capacity.

    Args:
        points: Operating points of all schemes.
        lines: Reference lines, see `simulator.frontier.bound`; may be empty.
        metrics: Accuracies.
        price: One of `simulator.frontier.points.PRICES`.
        ours: Scheme that is compared with the best other.
    """
    parts = [f"# Accuracy at a price in {PRICE_NAMES[price]}"]
    parts.append(
        "An entry is the best accuracy in percent at no more than this price per image, over the "
        "settings of\nthe scheme, with the half-width of its 95 % interval. The best scheme of a row "
        "is bold."
    )
    for snr_db in sorted(points["snr_db"].unique()):
        here = points[points["snr_db"] == snr_db]
        for metric in metrics:
            own = lines[lines["snr_db"] == snr_db] if len(lines) else lines
            parts.append(f"## {snr_db:g} dB, {TITLES[metric]}")
            of_metric = here[here["metric"] == metric]
            parts.append("\n".join(_ceiling(of_metric)))
            parts.append("\n".join(_table(of_metric, own, metric, price)))
    parts += [_leads(points, metrics, price, ours), _capacity(points, price)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(points: pd.DataFrame, lines: pd.DataFrame, metric: str, price: str) -> Iterator[str]:
    """Yields the lines of one table: a row for each price, a column for each scheme and bound."""
    schemes = [name for name in dict.fromkeys(points["scheme"]) if name != CEILING]
    bounds = [*dict.fromkeys(lines["line"])] if len(lines) else []
    yield "| at most | " + " | ".join([*schemes, *bounds]) + " |"
    yield "|---" * (1 + len(schemes) + len(bounds)) + "|"
    for level in LEVELS:
        found = [best_at(points[points["scheme"] == scheme], price, level) for scheme in schemes]
        most = max((one["value"] for one in found if one is not None), default=None)
        cells = [_entry(one, most) for one in found]
        for bound in bounds:
            rows = lines[(lines["line"] == bound) & (lines["uses"] <= level)]
            cells.append(f"{rows[metric].max():.1f}" if len(rows) else NONE)
        yield f"| {level} | " + " | ".join(cells) + " |"


def _entry(point: pd.Series | None, most: float | None) -> str:
    if point is None:
        return NONE
    text = f"{point['value']:.1f}"
    text = f"**{text}**" if point["value"] == most else text
    return f"{text} ± {0.5 * (point['ci_high'] - point['ci_low']):.1f}"


def _ceiling(points: pd.DataFrame) -> Iterator[str]:
    """Yields what the tasks reach without a channel."""
    for _, point in points[points["scheme"] == CEILING].head(1).iterrows():
        yield f"Without a channel: {_entry(point, None)}."


def _leads(points: pd.DataFrame, metrics: tuple[str, ...], price: str, ours: str) -> str:
    found = leads(points, price, ours)
    found = found[found["metric"].isin(metrics)] if len(found) else found
    if not len(found):
        return ""
    rows = [
        f"## {ours} against the best other scheme",
        "",
        "Others that feed back more bits are left out. The interval takes the two accuracies as "
        "independent,\nwhich is on the safe side.",
        "",
        f"| metric | SNR dB | at most | {ours} | best other | its accuracy | difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found.itertuples():
        about = f"| {row.metric} | {row.snr_db:g} | {row.price} | {row.ours:.1f} | {row.other} "
        rows.append(
            f"{about}| {row.other_value:.1f} | {row.difference:+.1f} ± {row.half_width:.1f} |"
        )
    return "\n".join(rows)


def _capacity(points: pd.DataFrame, price: str) -> str:
    found = capacity(points, price)
    if not len(found):
        return ""
    rows = [
        "## Capacity of a link",
        "",
        "| accuracy | SNR dB | scheme | uses per image | images/s per MHz | MHz for 1 000 images/s |",
        "|---|---|---|---|---|---|",
    ]
    for row in found.itertuples():
        rate = f"{row.images_per_s_per_mhz:.0f} | {row.mhz_per_1000_images_s:.3g}"
        about = f"| {row.metric} {row.target:g} % | {row.snr_db:g} | {row.scheme} "
        rows.append(f"{about}| {row.uses:.0f} | {rate} |")
    return "\n".join(rows)
