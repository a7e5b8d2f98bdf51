"""The charts of a report, as specifications of Vega-Lite (https://vega.github.io/vega-lite)."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

Spec = dict[str, Any]

HEIGHT = 240
SNR = {
    **{"field": "snr_db", "type": "quantitative", "title": "SNR, Es/N0 per channel use (dB)"},
    "scale": {"zero": False, "nice": False, "padding": 10},
}
#: Most characters of a label of a legend with two columns on a phone.
SHORT = 14


@dataclass(frozen=True)
class Chart:
    """A chart of a page.

    Attributes:
        name: Its identifier on the page.
        title: Its heading.
        spec: The specification.
    """

    name: str
    title: str
    spec: Spec

    @property
    def json(self) -> str:
        """The specification as JSON that can stand inside a script element."""
        return json.dumps(self.spec, allow_nan=False).replace("<", "\\u003c")


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Returns the rows of a table as JSON objects, NaN as null.

    >>> records(pd.DataFrame({"a": [1.5, float("nan")]}))
    [{'a': 1.5}, {'a': None}]
    """

    def plain(value: Any) -> Any:
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return [
        {str(name): plain(value) for name, value in row.items()}
        for row in table.to_dict(orient="records")
    ]


def _chart(table: pd.DataFrame, **parts: Any) -> Spec:
    return {"width": "container", "height": HEIGHT, "data": {"values": records(table)}, **parts}


def _tooltip(**titles: str) -> list[Spec]:
    return [{"field": name, "title": title} for name, title in titles.items()]


def _legend(title: str | None, labels: Sequence[Any]) -> Spec:
    """Returns a legend in as many columns as fit a phone."""
    longest = max((len(str(label)) for label in labels), default=0)
    return {"title": title, "columns": 8 if longest < 3 else 2 if longest <= SHORT else 1}


def curve_chart(name: str, title: str, points: pd.DataFrame, percent: bool) -> Chart:
    """Returns the lines of a metric with their intervals; a click on the legend picks lines.

    Args:
        name: Identifier.
        title: Heading.
        points: Rows of a curve, with a column "line".
        percent: Whether the values are percentages.
    """
    columns = ["line", "snr_db", "value", "ci_low", "ci_high", "n"]
    table = points[columns].sort_values("snr_db", kind="stable")
    order = list(dict.fromkeys(points["line"]))
    scale: Spec = {"zero": True, "domainMax": 100} if percent else {"zero": True}
    # The same domain in color, shape and dashes, so that they share one legend.
    line: Spec = {"field": "line", "type": "nominal", "sort": order}
    line |= {"legend": _legend(None, order), "scale": {"domain": order}}
    value: Spec = {"field": "value", "type": "quantitative", "title": None, "scale": scale}
    value["axis"] = {"tickMinStep": 0.5, "tickCount": 6}
    picked = {"condition": {"param": "pick", "value": 1}, "value": 0.12}
    encoding = {"x": SNR, "color": line, "opacity": picked}
    return Chart(name, title, _chart(table, encoding=encoding, layer=_layers(line, value)))


def _layers(line: Spec, value: Spec) -> list[Spec]:
    """Returns the intervals, the lines and the points of a curve."""
    tip = _tooltip(
        line="scheme", snr_db="SNR (dB)", value="value", ci_low="from", ci_high="to", n="n"
    )
    pick = {"type": "point", "fields": ["line"]}
    return [
        {
            "mark": "rule",
            "encoding": {"y": {**value, "field": "ci_low"}, "y2": {"field": "ci_high"}},
        },
        {"mark": "line", "encoding": {"y": value, "strokeDash": line}},
        {
            "params": [{"name": "pick", "select": pick, "bind": "legend"}],
            "mark": {"type": "point", "filled": True, "size": 50},
            "encoding": {
                "y": value,
                "shape": line,
                "tooltip": [*tip[:2], *({**t, "format": ".4g"} for t in tip[2:])],
            },
        },
    ]


def share_chart(name: str, title: str, shares: pd.DataFrame, what: str, ordered: bool) -> Chart:
    """Returns stacked bars: the share of the images of each kind over the SNR.

    Args:
        name: Identifier.
        title: Heading.
        shares: Columns snr_db, kind, images, share (0 to 1).
        what: What the kinds are.
        ordered: Whether the kinds are numbers, which get shades of one color.
    """
    color: Spec = {"field": "kind", "type": "ordinal" if ordered else "nominal"}
    color["legend"] = _legend(what, shares["kind"].unique().tolist())
    if ordered:
        color["scale"] = {"scheme": "viridis"}
    return Chart(
        name,
        title,
        _chart(
            shares,
            mark={"type": "bar"},
            encoding={
                "x": {
                    "field": "snr_db",
                    "type": "ordinal",
                    "title": "SNR (dB)",
                    "axis": {"labelAngle": 0},
                },
                "y": {
                    "field": "share",
                    "type": "quantitative",
                    "title": "share of images",
                    "axis": {"format": ".0%"},
                    "scale": {"domain": [0, 1]},
                },
                "color": color,
                "order": {"field": "kind"},
                "tooltip": [
                    *_tooltip(snr_db="SNR (dB)", kind=what, images="images"),
                    {"field": "share", "title": "share", "format": ".1%"},
                ],
            },
        ),
    )


def feature_chart(name: str, title: str, counts: pd.DataFrame) -> Chart:
    """Returns stacked bars of features per transmission, at an SNR that the reader chooses.

    Args:
        name: Identifier.
        title: Heading.
        counts: Columns snr_db, transmission, kind ("new" or "repeated"), features, images.
    """
    thin = {"labelAngle": 0, "labelOverlap": True}
    return Chart(
        name,
        title,
        _chart(
            counts,
            params=[_choice("snr", "SNR (dB) ", [float(v) for v in counts["snr_db"].unique()])],
            transform=[{"filter": "datum.snr_db == snr"}],
            mark="bar",
            encoding={
                "x": {"field": "transmission", "type": "ordinal", "axis": thin},
                "y": {
                    "field": "features",
                    "type": "quantitative",
                    "title": "mean number of features",
                },
                "color": {"field": "kind", "type": "nominal", "title": None},
                "tooltip": [
                    *_tooltip(transmission="transmission", kind="features", images="images"),
                    {"field": "features", "title": "mean number", "format": ".1f"},
                ],
            },
        ),
    )


def confusion_chart(name: str, title: str, counts: pd.DataFrame) -> Chart:
    """Returns a confusion matrix of a scheme and an SNR that the reader chooses.

    Args:
        name: Identifier.
        title: Heading.
        counts: Columns scheme, snr_db, label, predicted, images, share of the label (0 to 1).
    """
    schemes = [str(scheme) for scheme in counts["scheme"].unique()]
    snrs = sorted(float(v) for v in counts["snr_db"].unique())
    classes = sorted({*counts["label"], *counts["predicted"]})
    spec = _chart(
        counts,
        params=[
            _choice("scheme", "scheme ", schemes),
            _choice("snr", "SNR (dB) ", snrs),
        ],
        transform=[{"filter": "datum.scheme == scheme && datum.snr_db == snr"}],
        mark={"type": "rect", "tooltip": True},
        encoding={
            "x": {
                **{"field": "predicted", "type": "nominal", "scale": {"domain": classes}},
                **{"title": "recognized as", "axis": {"labelAngle": -45}},
            },
            "y": {
                **{"field": "label", "type": "nominal", "scale": {"domain": classes}},
                **{"title": "label"},
            },
            "color": {
                **{"field": "share", "type": "quantitative", "title": "share of the label"},
                **{"scale": {"domain": [0, 1]}, "legend": {"format": ".0%", "tickCount": 3}},
            },
            "tooltip": [
                *_tooltip(label="label", predicted="recognized as", images="images"),
                {"field": "share", "title": "share of the label", "format": ".1%"},
            ],
        },
    )
    return Chart(name, title, {**spec, "height": max(160, 26 * len(classes))})


def _choice(name: str, title: str, values: Sequence[Any]) -> Spec:
    bound = {"input": "select", "options": list(values), "name": title}
    return {"name": name, "value": values[0], "bind": bound}
