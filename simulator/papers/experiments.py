"""The tables and figures of the two papers as runs of the simulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from simulator.spec import RunSpec

CLASSIFICATION = ("color_accuracy", "type_accuracy")
TASKS = ("rank1", *CLASSIFICATION)
SEMANTIC_HARQ = ("semharq", "ik-s-harq", "rt-s-harq")


@dataclass(frozen=True)
class Line:
    """A curve: a scheme, and the settings in which its run differs from the base run.

    Attributes:
        label: Its name in the legend and in the CSV.
        scheme: Name of the scheme.
        changes: Fields of RunSpec that differ, e.g. max_transmissions.
    """

    label: str
    scheme: str
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """A table or a figure.

    Attributes:
        paper: "smsc-fir" or "semharq".
        title: What it shows.
        lines: The curves.
        metrics: The figure has one panel for each.
        x: "snr_db", or "retransmissions" for the bars of Fig. 11.
        snr_db: SNRs in dB that the paper fixes; None for those of the base run.
        published: The published experiments that belong to it, each as (source, experiment).
        table: Whether the paper prints it as a table; then a Markdown table is written too.
    """

    paper: Literal["smsc-fir", "semharq"]
    title: str
    lines: tuple[Line, ...]
    metrics: tuple[str, ...]
    x: Literal["snr_db", "retransmissions"] = "snr_db"
    snr_db: tuple[float, ...] | None = None
    published: tuple[tuple[str, str], ...] = ()
    table: bool = False


def _lines(*schemes: str) -> tuple[Line, ...]:
    return tuple(Line(scheme, scheme) for scheme in schemes)


def file_name(name: str, base: RunSpec) -> str:
    """Returns the stem of an experiment's files; it names each setting that is not the papers' own.

    >>> file_name("fig8", RunSpec()), file_name("fig8", RunSpec(budget="uses", max_transmissions=2))
    ('fig8', 'fig8-uses-G2')
    """
    usual = RunSpec()
    parts = [name]
    if base.budget != usual.budget:
        parts.append(base.budget)
    if base.max_transmissions != usual.max_transmissions:
        parts.append(f"G{base.max_transmissions}")
    if base.gallery != usual.gallery:
        parts.append(f"{base.gallery}-gallery")
    return "-".join(parts)


EXPERIMENTS: dict[str, Experiment] = {
    "table1": Experiment(
        "smsc-fir",
        "multi-task against single-task coding",
        (
            *_lines("smsc-fir", "smsc-stc"),
            Line(
                "smsc-stc, a slot for each task",
                "smsc-stc",
                {"scheme_args": (("share", "full"),)},
            ),
        ),
        TASKS,
        published=(("smsc-fir", "table1"),),
        table=True,
    ),
    "fig3": Experiment(
        "smsc-fir",
        "three tasks, all methods, one shot",
        _lines("smsc-fir", "smsc-sequential", "smsc-random", "smsc-complete", "jpeg-ldpc-bpsk"),
        TASKS,
        published=(("smsc-fir", "table1"),),
    ),
    "fig8": Experiment(
        "semharq",
        "re-identification against HARQ baselines",
        _lines(*SEMANTIC_HARQ, "jpeg-ldpc-16qam-harq"),
        ("rank1", "mAP"),
        published=(("semharq-v1", "fig8"), ("semharq-v1", "table2")),
    ),
    "fig9": Experiment(
        "semharq",
        "color and type against HARQ baselines",
        _lines(*SEMANTIC_HARQ, "jpeg-ldpc-16qam-harq"),
        CLASSIFICATION,
        published=(("semharq-v1", "table2"),),
    ),
    "fig10": Experiment(
        "semharq",
        "with and without feature distortion evaluation",
        _lines("semharq", "semharq-no-fde"),
        TASKS,
        published=(("semharq-v1", "table2"),),
    ),
    "fig11": Experiment(
        "semharq",
        "no, one and three retransmissions",
        tuple(
            Line(f"{scheme}, {g - 1} retransmissions", scheme, {"max_transmissions": g})
            for scheme in SEMANTIC_HARQ
            for g in (1, 2, 4)
        ),
        ("rank1", "mAP", *CLASSIFICATION),
        x="retransmissions",
        snr_db=(-6.0,),
    ),
    "fig12": Experiment(
        "semharq",
        "mean number of transmissions without a limit",
        tuple(
            Line(
                f"theta_0 = {theta_0_db:g} dB",
                "semharq",
                {"max_transmissions": 32, "scheme_args": (("theta_0_db", theta_0_db),)},
            )
            for theta_0_db in (1.0, 0.0, -2.0)
        ),
        ("transmissions", "rank1"),
    ),
    "table2": Experiment(
        "semharq",
        "importance ranking against transmitting f in its given order",
        _lines("semharq", "semharq-sst"),
        TASKS,
        published=(("semharq-v1", "table2"),),
        table=True,
    ),
    "ratio": Experiment(
        "semharq",
        "share of a slot that repeats earlier features (v2, Table II)",
        tuple(
            Line(f"ratio {ratio:g}", "semharq", {"scheme_args": (("ratio", ratio),)})
            for ratio in (0.25, 0.5, 0.75)
        ),
        TASKS,
        table=True,
    ),
    "detectors": Experiment(
        "semharq",
        "feature distortion evaluation: none, as published, with |h| as input, and with true errors",
        _lines("semharq", "semharq-no-fde", "semharq-csi", "semharq-oracle"),
        ("rank1", "mAP", *CLASSIFICATION),
    ),
    "plus": Experiment(
        "semharq",
        "semharq-plus, which is not in the paper, against the paper's schemes",
        _lines("semharq-plus", *SEMANTIC_HARQ),
        ("rank1", "mAP", *CLASSIFICATION),
    ),
}
