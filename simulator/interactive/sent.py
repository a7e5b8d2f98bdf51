"""The record of images that were sent over an opened link."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from semantic.data.dataset import VehicleImages
from simulator.interactive.tables import Record, feature_rows, history_rows
from simulator.spec import RunSpec

if TYPE_CHECKING:
    from simulator.interactive.sent_figure import ShownFigure

#: Columns that the table of a notebook shows.
SHOWN = (
    *("snr_db", "seed", "image", "file", "color_predicted", "type_predicted", "transmissions"),
    *("channel_uses", "feedback_bits", "stopped_by"),
)


@dataclass(frozen=True, repr=False)
class Predictions:
    """What the receiver says of the images: arrays with the axes of `Sent`, scalars for one image.

    Attributes:
        color: Most probable color.
        type: Most probable type.
        color_probabilities: [..., colors] float32, in the order of `colors`.
        type_probabilities: [..., types] float32, in the order of `types`.
        embedding: [..., width] float32, which re-identification compares by cosine similarity.
        colors: Names of the colors.
        types: Names of the types.
    """

    color: Any
    type: Any
    color_probabilities: np.ndarray
    type_probabilities: np.ndarray
    embedding: np.ndarray
    colors: tuple[str, ...]
    types: tuple[str, ...]

    def __repr__(self) -> str:
        if isinstance(self.color, str):
            color, kind = self.color_probabilities.max(), self.type_probabilities.max()
            return (
                f"Predictions(color={self.color!r} ({color:.2f}), type={self.type!r} ({kind:.2f}))"
            )
        return f"Predictions(color={self.color!r}, type={self.type!r})"


@dataclass(frozen=True, repr=False)
class Sent:
    """What happened to images that were sent: answers, costs, and each transmission.

    The arrays have the axes [SNRs, seeds, images], without those of which one value was given.

    Attributes:
        spec: A run with the same settings.
        images: The images and their labels; those of a data set have some.
        numbers: [images] int64, numbers of the images, on which fading and noise depend.
        pixels: [images, size, size, 3] uint8, as the encoder reads them.
        records: One for each SNR and seed.
        table: One row per SNR, seed and image; columns as in images.parquet of a run.
        axes: Whether lists of (SNRs, seeds, images) were given.
    """

    spec: RunSpec
    images: VehicleImages
    numbers: np.ndarray
    pixels: np.ndarray
    records: tuple[Record, ...]
    table: pd.DataFrame
    axes: tuple[bool, bool, bool]

    @property
    def snr_db(self) -> tuple[float, ...]:
        """SNRs in dB."""
        return tuple(dict.fromkeys(record.snr_db for record in self.records))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of fading and noise."""
        return tuple(dict.fromkeys(record.seed for record in self.records))

    @cached_property
    def predictions(self) -> Predictions:
        """Color, type and their probabilities, and the embedding."""
        outputs = [record.outputs for record in self.records]
        color, kind = (
            torch.cat([o.probabilities[task].float() for o in outputs]).numpy() for task in (1, 2)
        )
        embedding = torch.cat([o.embedding for o in outputs]).numpy()
        return Predictions(
            self._shaped(self.table["color_predicted"].to_numpy()),
            self._shaped(self.table["type_predicted"].to_numpy()),
            self._shaped(color),
            self._shaped(kind),
            self._shaped(embedding),
            self.images.colors,
            self.images.types,
        )

    @property
    def transmissions(self) -> Any:
        """Transmissions of each image."""
        return self._column("transmissions")

    @property
    def channel_uses(self) -> Any:
        """Complex channel uses of each image, without pilots."""
        return self._column("channel_uses")

    @property
    def pilot_uses(self) -> Any:
        """Complex channel uses of the pilots."""
        return self._column("pilot_uses")

    @property
    def energy(self) -> Any:
        """Sum of |x|^2 over the channel uses, in units of P."""
        return self._column("energy")

    @property
    def feedback_bits(self) -> Any:
        """Bits that the receiver sent back."""
        return self._column("feedback_bits")

    @property
    def side_information_bits(self) -> Any:
        """Control bits for the receiver beside the payload."""
        return self._column("side_information_bits")

    @property
    def latency_ms(self) -> Any:
        """Time from the first slot to the end of the last one, in ms."""
        return self._column("latency_ms")

    @property
    def stopped_by(self) -> Any:
        """Why each image stopped."""
        return self._column("stopped_by")

    @cached_property
    def features(self) -> pd.DataFrame:
        """The features of every transmission: snr_db, seed, image, transmission, feature, repeated.

        `feature` is a position in f, and `repeated` says whether an earlier transmission of the image
        carried it. No rows for schemes that send no features.
        """
        parts = [feature_rows(record, self.numbers) for record in self.records]
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row per transmission of each image: its uses, its features, the answers after it."""
        names = self.images.colors, self.images.types
        parts = [history_rows(record, self.numbers, names) for record in self.records]
        return pd.concat(parts, ignore_index=True)

    def show(
        self, image: int = 0, snr_db: float | None = None, seed: int | None = None
    ) -> ShownFigure:
        """Draws an image: what was sent in each transmission, and the answers after each.

        Args:
            image: Place of the image in the list that was sent.
            snr_db: SNR in dB; the first one if None.
            seed: Seed; the first one if None.

        Returns:
            A matplotlib figure, which a notebook shows; `.savefig("sent.png")` writes it to a file.

        Raises:
            ValueError: One line, for an image, an SNR or a seed that was not sent.

        Example:
            ```
            sent.show().savefig("sent.png")
            sent.show(image=2, snr_db=6)
            ```
        """
        from simulator.interactive.sent_figure import draw_sent

        at = self.snr_db[0] if snr_db is None else snr_db
        own = self.seeds[0] if seed is None else seed
        for what, value, known in (
            ("image", image, range(len(self.numbers))),
            ("SNR", at, self.snr_db),
            ("seed", own, self.seeds),
        ):
            number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            if not number or value not in known:
                listed = ", ".join(f"{one:g}" for one in list(known)[:20])
                raise ValueError(f"{what} {value!r:.80} was not sent; there are {listed}")
        place = {"snr_db": at, "seed": own, "image": self.numbers[image]}
        row = _rows(self.table, place).iloc[0]
        return draw_sent(
            self.pixels[image],
            f"{self.spec.schemes[0]}, {self.spec.channel_label}, image {self.numbers[image]} at "
            f"{at:g} dB: {row['channel_uses']} channel uses; {row['stopped_by']}",
            _rows(self.features, place),
            _rows(self.history, place),
            dict(self._answers(image, at, own)),
        )

    def _answers(
        self, image: int, snr_db: float, seed: int
    ) -> Iterator[tuple[str, tuple[list[torch.Tensor], tuple[str, ...]]]]:
        """Yields each task with its label, the probabilities after each transmission, and names."""
        record = next(r for r in self.records if (r.snr_db, r.seed) == (snr_db, seed))
        for task, names in (("color", self.images.colors), ("type", self.images.types)):
            label = int(getattr(self.images, task)[image])
            steps = [
                getattr(one, task)[one.images == image][0]
                for one in record.made
                if bool((one.images == image).any())
            ]
            yield task if label < 0 else f"{task} (label: {names[label]})", (steps, names)

    def _column(self, name: str) -> Any:
        return self._shaped(self.table[name].to_numpy())

    def _shaped(self, values: np.ndarray) -> Any:
        """Returns values [SNRs x seeds x images, ...] with the axes of the lists that were given."""
        shape = len(self.snr_db), len(self.seeds), len(self.numbers)
        kept = [size for size, listed in zip(shape, self.axes, strict=True) if listed]
        found = values.reshape((*kept, *values.shape[1:]))
        return found if found.ndim else found.item()

    def __len__(self) -> int:
        return len(self.numbers)

    def __repr__(self) -> str:
        label = f"{self.spec.schemes[0]} over {self.spec.channel_label}"
        sizes = {"SNR": self.snr_db, "seed": self.seeds, "image": self.numbers}
        shape = " x ".join(counted(len(values), name) for name, values in sizes.items())
        if len(self.table) > 1:
            return f"Sent({label}: {shape}; see .table, .history, .features, .show())"
        (row,) = self.table.itertuples()
        return (
            f"Sent({label} at {row.snr_db:g} dB: {row.color_predicted} {row.type_predicted} after "
            f"{counted(row.transmissions, 'transmission')}, "
            f"{counted(row.channel_uses, 'channel use')}; {row.stopped_by})"
        )

    def _repr_html_(self) -> str:
        table: str = self.table[list(SHOWN)].to_html(index=False, max_rows=20)
        return f"<p>{self.spec.schemes[0]} over {self.spec.channel_label}</p>{table}"


def counted(number: object, name: str) -> str:
    """Returns a number with the name of what it counts.

    >>> counted(1, "SNR"), counted(0, "SNR"), counted(20, "channel use")
    ('1 SNR', '0 SNRs', '20 channel uses')
    """
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _rows(table: pd.DataFrame, place: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the rows of a table that have all values of `place`."""
    return table[np.logical_and.reduce([table[name] == value for name, value in place.items()])]
