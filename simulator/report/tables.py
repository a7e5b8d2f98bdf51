"""Tables of a report: shares of transmissions and reasons, confusions, costs, settings."""

from __future__ import annotations

from typing import Any

import pandas as pd

from simulator.report.run_files import RunFiles
from simulator.results.curve import ACCURACIES, METRICS

#: Headings of the costs, with their units per image.
COST_TITLES = {
    "transmissions": "transmissions",
    "slots": "slots",
    "channel_uses": "channel uses",
    "pilot_uses": "pilot uses",
    "feedback_bits": "feedback (bits)",
    "side_information_bits": "side information (bits)",
    "energy": "energy (P per use)",
    "latency_ms": "latency (ms)",
    "uses_charged": "uses with feedback",
    "information_bits": "offered (bits)",
    "delivered_bits": "delivered (bits)",
    "goodput": "goodput (bits per use)",
    "bandwidth_ratio": "bandwidth ratio k/n",
    "ebn0_db": "Eb/N0 (dB)",
    "psnr_db": "PSNR (dB)",
    "ssim": "SSIM",
}


def shares(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Returns the share of the images of each value of a column, per SNR.

    Args:
        rows: Per-image rows of one scheme.
        column: Name of the column.

    Returns:
        Columns snr_db, kind, images, share.
    """
    counts = rows.groupby(["snr_db", column]).size().rename("images").reset_index()
    counts = counts.rename(columns={column: "kind"})
    total = counts.groupby("snr_db")["images"].transform("sum")
    return counts.assign(share=counts["images"] / total)


def confusion(images: pd.DataFrame, task: str) -> pd.DataFrame:
    """Returns how often images of each label were recognized as each class.

    Args:
        images: Per-image rows.
        task: "color" or "type".

    Returns:
        Columns scheme, snr_db, label, predicted, images, share; no rows without labels.
    """
    columns = ["scheme", "snr_db", task, f"{task}_predicted"]
    known = images.dropna(subset=[task, f"{task}_predicted"])
    counts = known.groupby(columns, sort=False).size().rename("images").reset_index()
    counts = counts.rename(columns={task: "label", f"{task}_predicted": "predicted"})
    total = counts.groupby(["scheme", "snr_db", "label"])["images"].transform("sum")
    return counts.assign(share=counts["images"] / total)


def values(curve: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Returns the accuracies in percent with their intervals: headings, and rows of texts."""
    metrics = [name for name in ACCURACIES if name in set(curve["metric"])]
    rows = []
    for (line, snr_db), points in curve.groupby(["line", "snr_db"], sort=False):
        by_metric = {point.metric: point for point in points.itertuples()}
        cells = [_with_interval(by_metric.get(metric)) for metric in metrics]
        rows.append([str(line), f"{snr_db:g}", *cells])
    return ["scheme", "SNR (dB)", *(metric.replace("_", " ") for metric in metrics)], rows


def _with_interval(point: Any) -> str:
    if point is None or not point.n > 0:
        return "no labels"
    return f"{point.value:.1f} [{point.ci_low:.1f}, {point.ci_high:.1f}]"


def costs(curve: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Returns the mean costs of an image: headings, and rows of texts."""
    there = [name for name in curve["metric"].unique() if name not in ACCURACIES]
    metrics = sorted(there, key=lambda name: METRICS.index(name) if name in METRICS else 99)
    rows = []
    for (line, snr_db), points in curve.groupby(["line", "snr_db"], sort=False):
        means = points.set_index("metric")["value"]
        cells = [f"{means[metric]:.4g}" if metric in means else "" for metric in metrics]
        rows.append([str(line), f"{snr_db:g}", *cells])
    heads = [COST_TITLES.get(metric, metric.replace("_", " ")) for metric in metrics]
    return ["scheme", "SNR (dB)", *heads], rows


def settings(run: RunFiles) -> list[tuple[str, Any]]:
    """Returns what a reader must know of a run: names and values."""
    spec, curve = run.spec, run.curve
    snrs = sorted(curve["snr_db"].unique())
    trainings = int(curve["trainings"].max()) if "trainings" in curve else 1
    versions = run.record.get("versions", {})
    return [
        ("schemes", ", ".join(run.schemes)),
        ("channel", ", ".join(dict.fromkeys(curve["channel"]))),
        ("SNR", f"{snrs[0]:g} to {snrs[-1]:g} dB, {len(snrs)} points"),
        ("data", f"{spec.data}, {run.record.get('images', '?')} images"),
        ("G_max", f"{spec.max_transmissions} transmissions"),
        ("budget", spec.budget),
        ("slot", f"T = {1e3 * spec.slot_s:g} ms, W = {spec.bandwidth / 1e6:g} MHz"),
        ("gallery", spec.gallery),
        ("seeds of fading and noise", spec.seeds if spec.until is None else spec.until),
        ("trainings", trainings),
        ("version", ", ".join(f"{name} {number}" for name, number in versions.items())),
    ]
