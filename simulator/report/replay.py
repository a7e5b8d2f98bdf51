"""Repeats some transmissions of a run, to see what its result files do not hold.

The random numbers of an image depend on the run alone, so that a repetition is exact: its costs are
compared with those in images.parquet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from phy.streams import Streams
from semantic.conventions import UNKNOWN
from semantic.data.dataset import VehicleImages
from semantic.link.selector import Plan
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import Progress
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.report.run_files import RunFiles
from simulator.scheme import Burst, Feedback, Scheme
from simulator.schemes.semharq_plus import SemharqPlus
from simulator.setup.prepare import prepare
from simulator.slots import Slot
from simulator.sweeps.cells import CellRunner, one_thread
from simulator.trust import parts_of

#: Images per point whose features are counted.
SAMPLE = 128


class Watched:
    """Wraps a scheme for `run_link`, and counts the features of each transmission.

    Attributes:
        counts: A row (transmission, kind, features, images) for each transmission and kind.
    """

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._covered = torch.zeros(1, 1, dtype=torch.bool)
        self.counts: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheme, name)

    def transmit(self, tx: Any, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Any]:
        """Transmits; counts new features, and those that an earlier burst carried."""
        before = tx
        burst, tx = self._scheme.transmit(tx, feedback, slot)
        found = self._features(before, tx, slot)
        if found is not None:
            sent, covered = found
            transmission = 1 + len(self.counts) // 2
            for kind, part in (("new", sent & ~covered), ("repeated", sent & covered)):
                mean = float(part.sum(1).double().mean())
                at = {"transmission": transmission, "kind": kind}
                self.counts.append({**at, "features": mean, "images": len(burst.uses)})
        return burst, tx

    def _features(self, before: Any, after: Any, slot: Slot) -> tuple[Tensor, Tensor] | None:
        """Returns the features of a burst and those of the bursts before it, [images or 1, L].

        None for a scheme that sends no features by a plan.
        """
        plan = getattr(after, "plan", None)
        if isinstance(plan, Plan) and plan.selection is not None:
            return plan.selection.spread(plan.selection.sent), before.plan.covered
        if isinstance(self._scheme, SemharqPlus):
            sent, covered = self._scheme.plan(slot, before.bursts).sent[None], self._covered
            self._covered = covered | sent
            return sent, covered.expand_as(sent)
        return None


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
        self, name: str, snr_db: float, rows: np.ndarray, watch: Callable[[Scheme], Any]
    ) -> tuple[TaskOutputs, Ledger]:
        """Transmits some images of a point with the run's first seed.

        Args:
            name: Name of the scheme.
            snr_db: SNR in dB.
            rows: [rows] int64, indices among the readable images.
            watch: Wraps the scheme.

        Raises:
            ValueError: If the costs differ from those of the run: code, weights or data changed.
        """
        prepared = self.runner.prepared
        spec, scheme = prepared.spec, prepared.schemes[name]
        slot = spec.slot(snr_db)
        label = f"{spec.channel_law} snr_db={float(slot.snr_db)}"
        streams = Streams(spec.seed, label, self.runner.kept[rows], device=prepared.device)
        with one_thread():
            outputs, ledger = run_link(
                cast(Scheme, watch(scheme)),
                scheme.encode(self.runner.encoded, rows),
                prepared.channel,
                slot,
                streams,
                spec.max_transmissions,
                prepared.feedback_link,
            )
        self._check(name, snr_db, rows, ledger)
        return TaskOutputs(*(value.cpu() for value in outputs)), ledger

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
        found = []
        for snr_db in snrs:
            watched: list[Watched] = []

            def watch(scheme: Scheme, watched: list[Watched] = watched) -> Watched:
                watched.append(Watched(scheme))
                return watched[0]

            self.transmit(name, snr_db, rows, watch)
            found += [{"snr_db": snr_db, **counts} for counts in watched[0].counts]
        return pd.DataFrame(found)

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
            self.transmit(name, snr_db, everything[i : i + size], lambda scheme: scheme)[
                0
            ].embedding
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
