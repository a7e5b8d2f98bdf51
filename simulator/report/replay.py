"""Repeats some transmissions of a run, to see what its result files do not hold.

The random numbers of an image depend on the run alone, so that a repetition is exact: its costs are
compared with those in images.parquet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from semantic.conventions import UNKNOWN
from semantic.data.dataset import VehicleImages
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import Progress
from simulator.interactive.recorder import Recorder
from simulator.interactive.tables import Record, history_rows
from simulator.ledger import Ledger
from simulator.report.run_files import RunFiles
from simulator.setup.prepare import prepare
from simulator.sweeps.cells import CellRunner, one_thread
from simulator.trust import parts_of

#: Images per point whose features are counted.
SAMPLE = 128


@dataclass
class Replay:
    """Repeats points of a run.

    Attributes:
        run: The results of the run.
        runner: Its data set, encoder, schemes and channel.
    """

    run: RunFiles
    runner: CellRunner

    @classmethod
    def open(cls, run: RunFiles, trust: bool, progress: Progress) -> Replay:
        """Opens data, weights, schemes and channel of a run.

        Raises:
            ValueError: One line, if they are not there any more, or name code that is not trusted.
        """
        parts = sorted(parts_of(run.spec))
        if parts and not trust:
            raise ValueError(f"it names code outside the catalog, {', '.join(parts)}: add --trust")
        if run.spec.trainings:
            raise ValueError("it has several trainings, each of which has a report of its own")
        try:
            return cls(run, CellRunner(prepare(run.spec), progress))
        except OSError as error:
            raise ValueError(f"{error.filename}: {error.strerror}") from None

    @property
    def dataset(self) -> VehicleImages:
        """The images of the run."""
        return self.runner.dataset

    @torch.inference_mode()
    def transmit(
        self, name: str, snr_db: float, rows: np.ndarray, recorder: Recorder | None = None
    ) -> tuple[TaskOutputs, Ledger]:
        """Transmits some images of a point with the run's first seed.

        Args:
            name: Name of the scheme.
            snr_db: SNR in dB.
            rows: [rows] int64, indices among the readable images.
            recorder: Records the transmissions of the scheme that it holds.

        Raises:
            ValueError: If the costs differ from those of the run: code, weights or data changed.
        """
        prepared, numbers = self.runner.prepared, self.runner.kept[rows]
        scheme = prepared.schemes[name] if recorder is None else recorder
        with one_thread():
            payload = scheme.encode(self.runner.encoded, rows)
            found = prepared.transmit(scheme, payload, snr_db, prepared.spec.seed, numbers)
        self._check(name, snr_db, rows, found[1])
        return found

    def _check(self, name: str, snr_db: float, rows: np.ndarray, ledger: Ledger) -> None:
        images = self.run.images
        here = (images["scheme"] == name) & (images["snr_db"] == snr_db)
        table = images[here & (images["seed"] == self.run.spec.seed)].set_index("image")
        found = ledger.transmissions.numpy()
        if not np.array_equal(table["transmissions"].reindex(rows).to_numpy(), found):
            raise ValueError("code, weights or data have changed since the run")

    def features(self, name: str, snrs: Sequence[float]) -> pd.DataFrame:
        """Returns the mean number of new and of repeated features of each transmission.

        Returns:
            Columns snr_db, transmission, kind, features, images, over a sample of the images; no
            rows for a scheme that sends no features by a plan.
        """
        count = len(self.runner.kept)
        rows = np.unique(np.linspace(0, count - 1, min(SAMPLE, count)).round().astype(np.int64))
        return pd.concat([self._features(name, snr_db, rows) for snr_db in snrs])

    def _features(self, name: str, snr_db: float, rows: np.ndarray) -> pd.DataFrame:
        """Returns the rows of one SNR."""
        recorder = Recorder(self.runner.prepared.schemes[name], len(rows))
        outputs, ledger = self.transmit(name, snr_db, rows, recorder)
        made = tuple(recorder.transmissions_made)
        if all(one.features is None for one in made):
            return pd.DataFrame()
        record = Record(snr_db, self.run.spec.seed, outputs, ledger, made)
        history = history_rows(record, rows, (self.dataset.colors, self.dataset.types))
        kinds = {"new_features": "new", "repeated_features": "repeated"}
        by_transmission = history.groupby("transmission")
        means = by_transmission[list(kinds)].mean().rename(columns=kinds)
        table = means.reset_index().melt("transmission", var_name="kind", value_name="features")
        images = table["transmission"].map(by_transmission.size())
        return table.assign(snr_db=snr_db, images=images)

    @torch.inference_mode()
    def ranked(self, name: str, snr_db: float, queries: np.ndarray, most: int) -> list[np.ndarray]:
        """Returns the gallery images that are most similar to some queries, the best one first.

        As in the evaluation, images of the query's vehicle by the query's camera are left out.

        Args:
            name: Name of the scheme.
            snr_db: SNR in dB.
            queries: [queries] indices among the readable images.
            most: Number of gallery images of each query.
        """
        data, everything = self.dataset, np.arange(len(self.dataset))
        size = self.runner.prepared.spec.batch_size or self.runner.prepared.schemes[name].batch_size
        parts = [
            self.transmit(name, snr_db, everything[i : i + size])[0].embedding
            for i in range(0, len(everything), size)
        ]
        embedding = torch.cat(parts)
        known = embedding
        if self.run.spec.gallery == "clean":
            scheme = self.runner.prepared.schemes[name]
            known = scheme.clean_embedding(self.runner.encoded, everything).cpu()
        unit, gallery = (torch.nn.functional.normalize(e.double()) for e in (embedding, known))
        found = []
        for query in queries:
            similarity = (gallery @ unit[query]).numpy()
            same = (data.vehicle == data.vehicle[query]) & (data.camera == data.camera[query])
            shown = ~data.is_query & ~same & (data.vehicle != UNKNOWN)
            order = np.argsort(np.where(shown, -similarity, np.inf), kind="stable")
            found.append(order[: min(most, int(shown.sum()))])
        return found
