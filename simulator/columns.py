"""Every column and metric that a run writes, with its unit and meaning: declared once.

docs/columns.md is written from it (`simulate list --columns`), and a test compares it with the files
of runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import fill

#: Head of docs/columns.md.
MARKDOWN_HEAD = """\
# Columns

This page defines every column and every metric that a run, a comparison, or a record of
`simulator.open_link` has. `simulate list --columns` writes it from the declarations in
`simulator/columns.py`. An image is one row of the data set; a mean is over the images of a scheme
at one SNR. [model.md](model.md#costs) says how costs are counted, and [statistics.md](statistics.md)
what an interval covers.
"""


@dataclass(frozen=True)
class Column:
    """A column of a table, or a metric of the curve.

    Attributes:
        name: As the file has it; `*` stands for a number.
        unit: Unit of the values, or their type.
        meaning: One line.
    """

    name: str
    unit: str
    meaning: str


def _columns(*rows: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


_POINT = _columns(
    ("scheme", "text", "name of the scheme"),
    ("channel", "text", "channel with its arguments and impairments"),
    ("snr_db", "dB", "average Es/N0 per channel use"),
)
_SNR = _POINT[2:]
_SEED = _columns(("seed", "number", "seed of fading and noise"))
_TRAINING = _columns(
    ("training", "text", "training of the networks; only of runs over several trainings")
)
_COUNTS = _columns(
    ("n", "images", "images that carry the label (queries for rank-1 and mAP), not times seeds"),
    ("vehicles", "number", "vehicles among them: the independent units of the interval"),
    ("seeds", "number", "seeds of fading and noise"),
    ("trainings", "number", "trainings of the networks"),
)
_INTERVAL = (
    ("ci_low", "as value", "lower bound of the 95 % interval over vehicles, seeds and trainings"),
    ("ci_high", "as value", "upper bound of that interval"),
)
_COSTS = _columns(
    ("transmissions", "number", "transmissions of the image (HARQ rounds)"),
    ("slots", "number", "time slots of these; a burst longer than a slot occupies several"),
    ("channel_uses", "complex symbols", "channel uses of the payload"),
    ("pilot_uses", "complex symbols", "channel uses of the channel's pilots beside them"),
    ("feedback_bits", "bits", "ACK/NACK bits and the requests or estimates beside NACKs"),
    ("side_information_bits", "bits", "control bits for the receiver beside the payload (headers)"),
    ("energy", "P", "sum of |x|^2 over the payload"),
    ("latency_ms", "ms", "time from the start of the first slot to the end of the last one"),
    (
        "uses_charged",
        "complex symbols",
        "channel uses, pilots, and every control bit at 1 / log2(1 + SNR) uses",
    ),
    (
        "bandwidth_ratio",
        "uses per value",
        "channel bandwidth ratio k / n: channel uses over the 3 x edge^2 color values of the image",
    ),
)
_QUALITY = _columns(
    ("psnr_db", "dB", "PSNR of the received image, at most 100; with --image-quality"),
    ("ssim", "-1 to 1", "SSIM of the received image, mean over colors; with --image-quality"),
)
_BITS = _columns(
    ("information_bits", "bits", "payload bits that a digital scheme offered; 0 if analog"),
    ("delivered_bits", "bits", "offered bits that the receiver accepted and that are right"),
)

#: Values of the column `metric`.
METRICS = (
    *_columns(
        ("rank1", "%", "queries whose nearest gallery image shows the same vehicle"),
        ("mAP", "%", "mean average precision of the ranked gallery, over queries"),
        ("color_accuracy", "%", "images whose color is recognized"),
        ("type_accuracy", "%", "images whose type is recognized"),
    ),
    *_COSTS,
    *_BITS,
    *_columns(
        ("goodput", "bits per use", "delivered bits over channel uses with pilots, both summed"),
        (
            "ebn0_db",
            "dB",
            "Eb/N0: energy of all transmissions over N0 and offered bits, both summed",
        ),
        ("bler_*", "share", "images that the receiver does not have after * transmissions"),
    ),
    *_QUALITY,
)
#: Columns of curve.csv, and of the table that `simulate` returns.
CURVE = (
    *_POINT,
    *_columns(
        ("metric", "text", "name of the metric, see below"),
        ("value", "of the metric", "mean over images, seeds and trainings"),
        *_INTERVAL,
    ),
    *_COUNTS,
)
#: Columns of images.parquet.
IMAGES = (
    *_POINT,
    *_SEED,
    *_TRAINING,
    *_columns(
        ("image", "number", "place of the image among those that could be read"),
        ("file", "text", "name of its file"),
        ("vehicle", "number", "label; -1 if unknown"),
        ("camera", "number", "label; -1 if unknown"),
        ("is_query", "flag", "whether the image is a query; others are the gallery"),
        ("rank1_hit", "0 or 1", "whether the nearest gallery image is right; empty if no query"),
        ("average_precision", "0 to 1", "of the ranked gallery; empty if no query"),
        ("color", "text", "label; empty if unknown"),
        ("color_predicted", "text", "most probable color"),
        ("color_correct", "0 or 1", "whether they are equal; empty without a label"),
        ("type", "text", "label; empty if unknown"),
        ("type_predicted", "text", "most probable type"),
        ("type_correct", "0 or 1", "whether they are equal; empty without a label"),
        ("stopped_by", "text", "why the image stopped"),
        (
            "retransmissions_allowed",
            "number",
            "most retransmissions that feedback can request; 0 for a scheme without feedback",
        ),
    ),
    *_COSTS,
    *_BITS,
    *_columns(
        ("ebn0_db", "dB", "Eb/N0: energy of all transmissions over N0 and offered bits"),
    ),
    *_QUALITY,
)
#: Columns of a comparison.
COMPARISON = (
    *_POINT[1:],
    *_columns(
        ("metric", "text", "name of the metric"),
        ("a", "of the metric", "mean of the first side"),
        ("b", "of the metric", "mean of the second side"),
        ("difference", "of the metric", "a - b; percentage points for accuracies"),
        *_INTERVAL,
    ),
    *_COUNTS,
    *_columns(
        ("p_value", "0 to 1", "of the hypothesis that the difference is 0"),
        ("p_holm", "0 to 1", "the same, adjusted for the number of comparisons (Holm)"),
        ("comparisons", "number", "comparisons in the table"),
        ("mark", "text", "* if the interval is clear of 0, ** if p_holm is below 0.05 too"),
    ),
)
_SENT = (
    *_SNR,
    *_SEED,
    *_columns(
        ("image", "number", "number of the image, on which fading and noise depend"),
        ("transmission", "number", "1 for the first transmission of the image"),
    ),
)
#: Columns of `Sent.history`.
HISTORY = (
    *_SENT,
    *_columns(
        ("channel_uses", "complex symbols", "channel uses of this transmission"),
        ("new_features", "number", "features that no earlier transmission carried"),
        ("repeated_features", "number", "features that an earlier transmission carried"),
        ("ack", "flag", "whether the receiver answered ACK"),
        ("color_predicted", "text", "most probable color after this transmission"),
        ("color_probability", "0 to 1", "its probability"),
        ("type_predicted", "text", "most probable type after this transmission"),
        ("type_probability", "0 to 1", "its probability"),
    ),
)
#: Columns of `Sent.features`.
FEATURES = (
    *_SENT,
    *_columns(
        ("feature", "position", "position in f; in c for semharq-plus"),
        ("repeated", "flag", "whether an earlier transmission carried it"),
    ),
)
#: Tables by their heading on the page.
TABLES: dict[str, tuple[Column, ...]] = {
    "curve.csv": CURVE,
    "Metrics": METRICS,
    "images.parquet": IMAGES,
    "Comparison": COMPARISON,
    "Sent.history": HISTORY,
    "Sent.features": FEATURES,
}
#: What a table is, below its heading.
ABOUT = {
    "curve.csv": "A row per scheme, channel, SNR and metric; also what `simulate` returns in Python.",
    "Metrics": "Values of the column `metric`. Costs, bits and quality are means per image. Those "
    "from `information_bits` to `bler_*` are of schemes that send information bits, and the last two "
    "of schemes that deliver images.",
    "images.parquet": "A row per scheme, channel, SNR, seed and image. `Sent.table` has the same "
    "columns without `rank1_hit` and `average_precision`, which need a gallery.",
    "Comparison": "What `simulate compare` and `simulator.compare` return.",
    "Sent.history": "A row per transmission of an image that was sent over an opened link.",
    "Sent.features": "A row per feature of a transmission.",
}


def names(table: str) -> list[str]:
    """Returns the names of the columns of a table, in order.

    >>> names("Sent.features")
    ['snr_db', 'seed', 'image', 'transmission', 'feature', 'repeated']
    """
    return [column.name for column in TABLES[table]]


def markdown() -> Iterator[str]:
    """Yields the lines of docs/columns.md."""
    yield MARKDOWN_HEAD
    for title, columns in TABLES.items():
        yield f"## {title}\n\n{fill(ABOUT[title], 100)}\n\n| column | unit | meaning |\n|---|---|---|"
        for column in columns:
            meaning = column.meaning.replace("|", "\\|")
            yield f"| `{column.name}` | {column.unit} | {meaning} |"
        yield ""
