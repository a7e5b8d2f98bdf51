"""Mutual information between images and answers, against the bound of v2 (section V-C3).

The mutual information of a task with posterior p(answer | image) is H(E p) - E H(p) in bits, where
E averages over the images. I_DL is the sum over the tasks without a channel. v2 bounds the sum with
a link by I_U = min(I_DL, G_max C), where C = E log2(1 + SNR |h|^2) is the ergodic capacity of one
channel use. A slot has B channel uses, so that the bound by the channel is G_max B C. The figure has
both bounds.

An overconfident posterior overestimates the mutual information, even beyond I_DL. For colors and
types with known labels, H(label) - E log 1 / p(label) is a lower bound for any posterior (Barber and
Agakov, 2003). Re-identification has no such labels, because the vehicles of the test set are new.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from phy.channel import gains
from phy.snr import snr_from_db
from phy.streams import Streams
from semantic.data.dataset import VehicleImages
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import EncodedDataset
from simulator.files import write_whole
from simulator.link import run_link
from simulator.papers.experiments import file_name
from simulator.results.figures import save
from simulator.scheme import Scheme
from simulator.setup.prepare import Prepared, prepare
from simulator.slots import Slot
from simulator.spec import RunSpec

#: Number of gains over which the ergodic capacity is averaged.
GAINS = 100_000


def answer_information(posteriors: Tensor) -> float:
    """Returns the mutual information in bits between images and the answers of one task.

    Args:
        posteriors: [images, classes], rows sum to one.

    >>> answer_information(torch.eye(4))  # four images, four certain answers
    2.0
    >>> answer_information(torch.full((4, 4), 0.25))
    0.0
    """
    posteriors = posteriors.double()
    together = torch.special.entr(posteriors.mean(0)).sum()
    each = torch.special.entr(posteriors).sum(1).mean()
    return float((together - each) / torch.log(torch.tensor(2.0, dtype=torch.float64)))


def label_information(posteriors: Tensor, labels: Tensor) -> float:
    """Returns a lower bound in bits of the mutual information of one task, from known labels.

    Args:
        posteriors: [images, classes], rows sum to one.
        labels: [images] correct classes; negative if unknown.

    Returns:
        The bound; NaN if no label is known.

    >>> label_information(torch.eye(4), torch.arange(4))
    2.0
    >>> label_information(torch.full((4, 4), 0.25), torch.arange(4))
    0.0
    """
    known = labels >= 0
    posteriors, labels = posteriors.double()[known], labels[known]
    if not len(labels):
        return float("nan")
    share = torch.bincount(labels).double() / len(labels)
    surprise = -posteriors.gather(1, labels[:, None]).clamp_min(1e-300).log().mean()
    nats = torch.special.entr(share).sum() - surprise
    return float(nats / torch.log(torch.tensor(2.0, dtype=torch.float64)))


def _all_tasks(outputs: TaskOutputs) -> float:
    return sum(answer_information(p) for p in outputs.probabilities)


def _after_link(
    prepared: Prepared, scheme: Scheme, encoded: EncodedDataset, slot: Slot
) -> TaskOutputs:
    spec, rows = prepared.spec, encoded.features.kept
    parts, size = [], spec.batch_size or scheme.batch_size
    for start in range(0, len(rows), size):
        index = torch.arange(start, min(start + size, len(rows))).numpy()
        payload = scheme.encode(encoded, index)
        streams = Streams(spec.seed, f"information {slot.snr_db}", rows[index])
        outputs, _ = run_link(
            scheme, payload, prepared.channel, slot, streams, spec.max_transmissions
        )
        parts.append(TaskOutputs(*(v.cpu() for v in outputs)))
    return TaskOutputs(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _labeled_tasks(outputs: TaskOutputs, dataset: VehicleImages) -> float:
    _, color, type_ = outputs.probabilities
    return label_information(color, torch.from_numpy(dataset.color).long()) + label_information(
        type_, torch.from_numpy(dataset.type).long()
    )


@torch.inference_mode()
def information(spec: RunSpec) -> pd.DataFrame:
    """Computes a table with a row per SNR, in bits per image.

    Its columns are the mutual information of SemHARQ, I_DL, the two bounds, and the lower bounds
    from labels with and without the link.
    """
    prepared = prepare(spec)
    scheme = prepared.schemes["semharq"]
    encoded = EncodedDataset(
        prepared.dataset, prepared.networks.encoder, prepared.device, lambda what, done, total: None
    )
    performers = prepared.networks.encoder.network.performers
    dataset = prepared.dataset.subset(encoded.features.kept)
    clean = TaskOutputs(*(v.cpu() for v in performers(encoded.features.s)))
    without_channel = _all_tasks(clean)
    fading, _ = prepared.channel.draw(Streams(0, "capacity", torch.arange(1).numpy()), GAINS, None)
    h = gains(fading)
    rows = []
    for snr_db in spec.snr_db:
        slot = spec.slot(snr_db)
        capacity = float((1 + snr_from_db(snr_db) * h.abs().square()).log2().mean())
        most = spec.max_transmissions * capacity
        received = _after_link(prepared, scheme, encoded, slot)
        rows.append(
            {
                "snr_db": snr_db,
                "semharq_bits": _all_tasks(received),
                "i_dl_bits": without_channel,
                "v2_bound_bits": min(without_channel, most),
                "channel_bound_bits": min(without_channel, most * slot.features),
                "semharq_label_bits": _labeled_tasks(received, dataset),
                "i_dl_label_bits": _labeled_tasks(clean, dataset),
            }
        )
    return pd.DataFrame(rows)


def write_information(spec: RunSpec, out: Path) -> None:
    """Writes information.csv, .png and .pdf."""
    table, stem = information(spec), file_name("information", spec)
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / f"{stem}.csv", lambda path: table.to_csv(path, index=False))
    for suffix in ("png", "pdf"):
        write_whole(out / f"{stem}.{suffix}", lambda path: _draw(table, path))


def _draw(table: pd.DataFrame, path: Path) -> None:
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    for column, label, style in (
        ("i_dl_bits", "I_DL, no channel", "k:"),
        ("channel_bound_bits", "min(I_DL, G B C)", "C2--"),
        ("v2_bound_bits", "min(I_DL, G C), as in v2", "C1--"),
        ("semharq_bits", "SemHARQ, from its posteriors", "C0o-"),
        ("semharq_label_bits", "SemHARQ, color and type, from labels", "C3s-"),
        ("i_dl_label_bits", "no channel, color and type, from labels", "C3:"),
    ):
        ax.plot(table["snr_db"], table[column], style, label=label, markersize=4)
    ax.set_xlabel("SNR, average Es/N0 (dB)")
    ax.set_ylabel("information of the three answers (bits)")
    ax.set_ylim(bottom=0)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
    save(figure, path, dpi=130)
