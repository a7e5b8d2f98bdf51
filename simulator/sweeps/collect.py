"""Collects the results of cells: stores them, completes points, notes failures, logs progress."""

from __future__ import annotations

import glob
import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from simulator.sweeps.cells import Cell, CellRunner, Point, join_blocks, write_rows
from simulator.sweeps.identity import differences, digest, plain
from simulator.sweeps.late_reads import LATE_FILES, changed_late_files, with_late_files
from simulator.sweeps.plan import Plan
from simulator.sweeps.store import DamagedError, Store, file_label, file_stem
from simulator.sweeps.worker import Computed, Failure

LOG = logging.getLogger(__name__)
ROWS, BLOCK = ".rows", ".block"
#: Most reasons for computing a point again that one line names.
MOST_REASONS = 3


class Collector:
    """The finished cells of one run.

    Attributes:
        store: The files of the cells.
        done: The file of each finished point.
        failures: Cells without a result.
    """

    def __init__(self, runner: CellRunner, store: Store, images_per_cell: int) -> None:
        self.runner, self.store, self.images_per_cell = runner, store, images_per_cell
        self.done: dict[Point, str] = {}
        self.failures: list[Failure] = []
        self._waits_for: dict[Point, set[int]] = {}  # first images of the missing blocks
        self._tracebacks = {""}
        self._began = time.monotonic()
        self._expected = self._arrived = 0

    def plan(self, points: Sequence[Point]) -> None:
        """Writes plan.json, which `simulate status` and `simulate merge` read."""
        names = {str(point): self._stem(point) + ROWS for point in points}
        Plan(self.runner.prepared.spec, len(self.runner.kept), names).write(self.store)

    def missing(self, points: Sequence[Point]) -> list[Point]:
        """Returns the points that are not finished, and logs why a point is computed again."""
        missing, reasons, again = [], Counter[str](), 0
        for point in points:
            name = self._stem(point) + ROWS
            try:
                found = self.store.read(name)
                changed = self._changes(point) if found is None else changed_late_files(found[0])
                if found is not None and not changed:
                    self.done[point] = name
                    continue
                reasons.update(changed)
                again += bool(changed)
            except DamagedError as error:
                LOG.warning("%s; it is computed again", error)
            missing.append(point)
        if self.done and missing:
            LOG.info("%d points are finished, %d are to be computed", len(self.done), len(missing))
        if reasons:
            shown = [text for text, _ in reasons.most_common(MOST_REASONS)]
            more = ["..."] if len(reasons) > MOST_REASONS else []
            counted = "1 point is" if again == 1 else f"{again} points are"
            LOG.warning("%s computed again: %s", counted, "; ".join(shown + more))
        return missing

    def missing_cells(self, point: Point) -> list[Cell]:
        """Returns the cells of a point that are not finished."""
        cells = self.runner.cells(point, self.images_per_cell)
        missing = [cell for cell in cells if cell.whole or self._block(cell) is None]
        self._waits_for[point] = {cell.first for cell in missing}
        if not missing:  # the run was killed between the last block and the rows
            self._join(point)
        return missing

    def expect(self, cells: int) -> None:
        """Sets the number of cells that are computed from now on."""
        self._began, self._expected, self._arrived = time.monotonic(), cells, 0

    def take(self, cell: Cell, outcome: Computed | Failure) -> None:
        """Stores the result of a cell, and the rows of its point after the last cell.

        Raises:
            StoreError: If it cannot be written.
        """
        self._arrived += 1
        if isinstance(outcome, Failure):
            self._fail(outcome)
        elif cell.whole:
            self._finish(cell.point, outcome.data, outcome.late_files)
        else:
            identity = with_late_files(self.runner.identity(cell.point), outcome.late_files)
            self.store.write(self._block_name(cell), identity, outcome.data)
            self._waits_for[cell.point].discard(cell.first)
            if not self._waits_for[cell.point]:
                self._join(cell.point)
        spent = time.monotonic() - self._began
        left = spent / self._arrived * (self._expected - self._arrived)
        LOG.info("cell %d of %d: %s; %s left", self._arrived, self._expected, cell, _clock(left))

    def _join(self, point: Point) -> None:
        """Makes the rows of a point from its blocks, which are all there."""
        blocks = [self._block(cell) for cell in self.runner.cells(point, self.images_per_cell)]
        if None in blocks:
            self._fail(Failure(str(point), "a block was damaged after it was written"))
            return
        found = [block for block in blocks if block is not None]
        outputs, ledger = join_blocks([data for _, data in found])
        late = {p: sha for identity, _ in found for p, sha in identity.get(LATE_FILES, {}).items()}
        self._finish(point, write_rows(self.runner.rows(point, outputs, ledger)), late)

    def _finish(self, point: Point, rows: bytes, late_files: dict[str, str]) -> None:
        name = self._stem(point) + ROWS
        self.store.write(name, with_late_files(self.runner.identity(point), late_files), rows)
        self.done[point] = name
        self.store.remove(self.store.names(f"{self._stem(point)}-*{BLOCK}"))

    def _fail(self, failure: Failure) -> None:
        self.failures.append(failure)
        LOG.error("failed: %s", failure)
        if failure.traceback not in self._tracebacks:  # the cells of a run fail alike
            self._tracebacks.add(failure.traceback)
            LOG.info("traceback of %s:\n%s", failure.cell, failure.traceback.rstrip())

    def _block(self, cell: Cell) -> tuple[dict[str, Any], bytes] | None:
        """Returns identity and data of a block; None if it is missing, damaged or out of date."""
        try:
            found = self.store.read(self._block_name(cell))
        except DamagedError as error:
            LOG.warning("%s; it is computed again", error)
            return None
        return None if found is None or changed_late_files(found[0]) else found

    def _stem(self, point: Point) -> str:
        return file_stem(str(point), digest(self.runner.identity(point)))

    def _block_name(self, cell: Cell) -> str:
        return f"{file_stem(str(cell.point), cell.key)}-{cell.first}-{cell.stop}{BLOCK}"

    def _changes(self, point: Point) -> list[str]:
        """Returns what has changed since a file of the same point was written, if there is one."""
        channel = self.runner.prepared.spec.channel
        for name in self.store.names(f"{glob.escape(file_label(str(point)))}-*{ROWS}"):
            try:
                found = self.store.read(name)
            except DamagedError:
                continue
            if found is not None and found[0].get("channel") == channel:
                return differences(found[0], plain(self.runner.identity(point)))
        return []


def _clock(seconds: float) -> str:
    """Formats a duration.

    >>> _clock(42), _clock(3720)
    ('42 s', '1 h 02 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
