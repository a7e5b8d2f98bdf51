"""Why a reading helps: what positions alone carry, and how well F and other detectors find errors.

- `positions`: each image is described by the positions of its B most important features, and by none
  of their values, where B is that of the slot at an SNR. The positions cost log2 of the binomial
  coefficient (1024 over B) in bits; the slot carries B log2(1 + SNR) bits.
- `detectors`: the AUROC of d and of |z_hat| for "the error of a feature is above the median", after
  the first slot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import comb, log2
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmarks.atlas.evaluate import Evaluation
from benchmarks.atlas.forest import STYLES
from benchmarks.intrinsic_dimension import reidentification
from semantic.conventions import CODED_FEATURES
from semantic.distortion.threshold import auroc
from semantic.link.importance import CRITERIA
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.link.selector import Plan
from semantic.training.round_trip import sending_order, transmit_slot, unit_power
from semantic.weights.stored import load_link
from simulator.encoded_dataset import EncodedDataset
from simulator.files import write_whole
from simulator.schemes.image_importance import image_importance
from simulator.setup.prepare import prepare
from simulator.slots import Slot
from simulator.training.channel import preset_channel

POSITION_SNRS_DB = tuple(float(snr_db) for snr_db in range(-6, 9, 2))
#: Most images of which the AUROC is computed.
DETECTOR_IMAGES = 2000


def measure_mechanism(task: Evaluation, show: Callable[[str], None]) -> dict[str, pd.DataFrame]:
    """Returns the tables "positions" and "detectors" of all trainings that are there."""
    positions, detectors = [], []
    encoded: EncodedDataset | None = None
    for reading, planned in task.plan.readings.items():
        for seed in task.plan.seeds:
            directory = task.weights / reading / f"seed-{seed}"
            names = [n for n in planned.schemes if (directory / f"{n}.safetensors").exists()]
            if encoded is None and names:
                encoded = _encoded(task, directory)
            of = {"reading": reading, "training_seed": seed}
            if "smsc-fir" in names and encoded is not None:
                link = _link(encoded, directory, "smsc-fir")
                criteria = [planned.preset.reading.criterion]
                if reading == "default":
                    criteria = ["abs-gradient", "abs-f-gradient", "abs-f"]
                if reading == "default" or planned.preset.reading.importance == "image":
                    for criterion in criteria:
                        positions += [
                            {**of, **row} for row in _positions(task, link, encoded, criterion)
                        ]
            if "semharq" in names and encoded is not None:
                link = _link(encoded, directory, "semharq")
                detectors += [{**of, **row} for row in _detectors(task, reading, link, encoded)]
            show(f"mechanism: {reading}/seed-{seed}")
    return {"positions": pd.DataFrame(positions), "detectors": pd.DataFrame(detectors)}


def _encoded(task: Evaluation, directory: Path) -> EncodedDataset:
    prepared = prepare(replace(task.spec, weights=str(directory), schemes=("perfect",)))
    return EncodedDataset(prepared.dataset, prepared.networks.encoder, "cpu", lambda *done: None)


def _link(encoded: EncodedDataset, directory: Path, scheme: str) -> LinkNetwork:
    return load_link(scheme, encoded.encoder.network.performers, str(directory))[0]


def _positions(
    task: Evaluation, link: LinkNetwork, encoded: EncodedDataset, criterion: str
) -> list[dict[str, Any]]:
    """Returns rank-1 and mAP of the positions alone at every SNR."""
    images = encoded.dataset.subset(encoded.features.kept)
    with torch.inference_mode():
        f = link.encode(encoded.features.s)
    rows = []
    for snr_db in POSITION_SNRS_DB:
        ind = _importance(link, f, criterion, snr_db)
        number = Slot(snr_db, task.spec.slot_s, task.spec.bandwidth).features
        largest = torch.zeros_like(f).scatter(1, ind.topk(number, dim=1).indices, 1.0)
        row = {"criterion": criterion, "snr_db": snr_db, "B": number}
        row["bits"] = log2(comb(CODED_FEATURES, number))
        row["slot_bits"] = number * log2(1 + 10 ** (snr_db / 10))
        rows.append({**row, **reidentification(images, largest)})
    return rows


def _importance(link: LinkNetwork, f: Tensor, criterion: str, snr_db: float) -> Tensor:
    """Returns the importance of the features of each image by a criterion."""
    if criterion == "abs-f":
        return CRITERIA[criterion](f, f)
    reading = link.reading
    link.reading = reading.given({"criterion": criterion})
    found = image_importance(link, f, weight=2 * 10 ** (snr_db / 10))
    link.reading = reading
    return found


@torch.inference_mode()
def _detectors(
    task: Evaluation, reading: str, link: LinkNetwork, encoded: EncodedDataset
) -> list[dict[str, Any]]:
    """Returns the AUROC of F and of |z_hat| after the first slot at every SNR of the evaluation."""
    preset, protocol = task.plan.readings[reading].preset, PROTOCOLS["semharq"]
    channel = preset_channel(preset, "cpu")
    f = link.encode(encoded.features.s[:DETECTOR_IMAGES])
    rows = []
    for snr_db in task.spec.snr_db:
        number = Slot(snr_db, task.spec.slot_s, task.spec.bandwidth).features
        generator = torch.Generator().manual_seed(0)
        order = sending_order(link, protocol, f, snr_db, generator)
        plan = Plan.empty(len(f)).next(order, None, number)
        sent = link.reading.sent_values(f, protocol)
        buffer, slot = transmit_slot(
            sent, link.empty_buffer(len(f)), plan, snr_db, channel, generator
        )
        latest = slot.selection
        z = unit_power(latest.gather(sent), latest.uses)
        z_hat = buffer.received().gather(1, latest.position)
        error = (z_hat - z).abs()
        d = link.distortion(buffer).gather(1, latest.position)
        row = {"snr_db": snr_db, "B": number, "auroc": auroc(d, error)}
        rows.append({**row, "auroc_magnitude": auroc(z_hat.abs(), error)})
    return rows


def draw_mechanism(
    positions: pd.DataFrame, detectors: pd.DataFrame, differences: pd.DataFrame, path: Path
) -> None:
    """Draws positions against SNR, F's value against its AUROC, and the genie's value per reading.

    Args:
        positions: Rows of positions.csv.
        detectors: Rows of detectors.csv.
        differences: Rows of differences.csv.
        path: The figure.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    height = max(4.0, 1.5 + 0.25 * differences["reading"].nunique())
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = plt.subplots(1, 4, figsize=(14, height))
        _draw_positions(axes[0], positions)
        _draw_bits(axes[1], positions)
        _draw_value(axes[2], detectors, differences)
        _draw_controls(axes[3], differences)
        for ax in axes:
            ax.legend(
                fontsize=6, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.5 / height)
            )
        figure.tight_layout()
        write_whole(path, lambda temporary: figure.savefig(temporary, dpi=150))
        plt.close(figure)


def _draw_positions(ax: Any, positions: pd.DataFrame) -> None:
    for (reading, criterion), table in positions.groupby(["reading", "criterion"], sort=False):
        mean = table.groupby("snr_db")["rank1"].mean()
        ax.plot(mean.index, mean, marker="o", markersize=3, label=f"{criterion} ({reading})")
    ax.set(xlabel="SNR in dB", ylabel="rank-1 in %", title="Positions alone, no values")
    ax.set(ylim=(0, 102), xticks=POSITION_SNRS_DB)


def _draw_bits(ax: Any, positions: pd.DataFrame) -> None:
    """Draws the bits that name the positions of a slot beside those that the slot carries."""
    table = positions.drop_duplicates("snr_db").sort_values("snr_db")
    names = {"bits": "positions of B of 1024 features", "slot_bits": "slot: B log2(1 + SNR)"}
    for column, label in names.items():
        ax.plot(table["snr_db"], table[column], marker="o", markersize=3, label=label)
    ax.set(xlabel="SNR in dB", ylabel="bits", title="What the positions cost", yscale="log")
    ax.set_xticks(POSITION_SNRS_DB)


def _draw_value(ax: Any, detectors: pd.DataFrame, differences: pd.DataFrame) -> None:
    value = differences[
        (differences["comparison"] == "F - coin") & (differences["metric"] == "mAP")
    ]
    area = detectors.groupby(["reading", "snr_db"], as_index=False)["auroc"].mean()
    both = value.merge(area, on=["reading", "snr_db"])
    for snr_db, table in both.groupby("snr_db"):
        bars = [table["difference"] - table["ci_low"], table["ci_high"] - table["difference"]]
        color, marker = STYLES.get(snr_db, ("0.4", "D"))
        label = f"{snr_db:g} dB"
        x, y = table["auroc"], table["difference"]
        ax.errorbar(x, y, bars, fmt=marker, color=color, markersize=3.5, label=label)
    ax.axhline(0, color="0.4", linewidth=0.8)
    ax.set(xlabel="AUROC of F", ylabel="F - coin, points of mAP", title="What F is worth")


def _draw_controls(ax: Any, differences: pd.DataFrame) -> None:
    names = ("F - coin", "magnitude - coin", "genie - coin")
    table = differences[(differences["metric"] == "mAP") & differences["comparison"].isin(names)]
    table = table[table["snr_db"] == table["snr_db"].min()]
    readings = list(dict.fromkeys(table["reading"]))
    for number, name in enumerate(names):
        here = table[table["comparison"] == name]
        y = here["reading"].map(readings.index) + 0.22 * (number - 1)
        bars = [here["difference"] - here["ci_low"], here["ci_high"] - here["difference"]]
        ax.errorbar(here["difference"], y, xerr=bars, fmt="o", markersize=3, label=name)
    ax.axvline(0, color="0.4", linewidth=0.8)
    ax.set_yticks(np.arange(len(readings)), readings)
    ax.invert_yaxis()
    lowest = f"{table['snr_db'].min():g} dB" if len(table) else ""
    ax.set(xlabel="difference, points of mAP", title=f"Detectors against the coin, {lowest}")
