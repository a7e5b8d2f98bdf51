"""Limits of a run, checked before any work: a slip of the keyboard must not fill the memory.

Each limit is far above any study. docs/cluster.md has the table.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from math import log10, prod

from simulator.catalog import SCHEMES
from simulator.spec import RunSpec
from simulator.spec_fields import BATCH_SIZE, LAST_SEED
from simulator.stop_rule import MAX_SEEDS

#: Most points of a run: schemes x SNRs x seeds. Each is a file.
MOST_POINTS = 100_000
#: Most cells of a run: points x blocks of images. Each is a file for some time.
MOST_CELLS = 1_000_000
#: Most runs of a sweep. Each is a directory.
MOST_RUNS = 10_000
#: Bytes of a complex64 symbol.
SYMBOL_BYTES = 8


def check_load(spec: RunSpec) -> None:
    """Refuses a run that is too large for any machine, or whose limit of seeds nothing reads.

    Raises:
        ValueError: One line with the number and the limit.
    """
    if spec.until is None and spec.max_seeds != MAX_SEEDS:
        raise ValueError(
            f"max_seeds {spec.max_seeds} needs a stop rule: until is ci=POINTS or errors=N"
        )
    points = len(spec.schemes) * len(spec.snr_db) * spec.seeds
    if points > MOST_POINTS:
        raise ValueError(
            f"{len(spec.schemes)} schemes x {len(spec.snr_db)} SNRs x {_shown(spec.seeds)} seeds are "
            f"{_shown(points)} points, a run has at most {MOST_POINTS}: divide it into several runs"
        )
    last = spec.seed + max(spec.seeds, spec.max_seeds if spec.until is not None else 1) - 1
    if last > LAST_SEED:
        raise ValueError(
            f"seeds up to {_shown(last)} are not allowed, a seed is at most {LAST_SEED}"
        )
    _check_slot(spec)


def check_cells(points: int, images: int, images_per_cell: int) -> None:
    """Refuses a run of too many cells.

    Args:
        points: Number of points.
        images: Number of images of a point.
        images_per_cell: Most images of a cell.

    Raises:
        ValueError: One line with the number and the limit.
    """
    cells = points * -(-images // images_per_cell)
    if cells > MOST_CELLS:
        raise ValueError(
            f"{points} points of {images} images are {cells} cells of {images_per_cell} images, "
            f"a run has at most {MOST_CELLS}: choose a larger --cell-images"
        )


def check_runs(values: Iterable[int]) -> None:
    """Refuses a grid of too many combinations.

    Args:
        values: Number of values of each field of the grid.

    Raises:
        ValueError: One line with the number and the limit.
    """
    numbers = list(values)
    if prod(numbers) > MOST_RUNS:
        shown = " x ".join(map(str, numbers))
        raise ValueError(
            f"the grid has {shown} = {_shown(prod(numbers))} runs, a sweep has at most {MOST_RUNS}"
        )


def _check_slot(spec: RunSpec) -> None:
    """Refuses slots whose bursts do not fit into memory, for schemes that send coded bits.

    Such a scheme may fill a slot. The other ones send at most 1 024 features.
    """
    coded = [name for name in spec.schemes if name in SCHEMES and _sends_bits(name)]
    uses, memory = spec.slot_s * spec.bandwidth, memory_bytes()
    batch = spec.batch_size or BATCH_SIZE
    need = uses * batch * SYMBOL_BYTES
    if coded and memory is not None and need > memory:
        raise ValueError(
            f"{coded[0]} may fill a slot of T W = {uses:g} channel uses: a batch of "
            f"{batch} such bursts needs {need / 2**30:.3g} GiB, this machine has "
            f"{memory / 2**30:.3g} GiB; choose a smaller T, W or --batch-size"
        )


def _shown(number: int) -> str:
    """Returns a number, or its magnitude.

    >>> _shown(12), _shown(10**400)
    ('12', 'about 10^400')
    """
    return str(number) if number < 10**12 else f"about 10^{int(log10(number))}"


def _sends_bits(name: str) -> bool:
    return SCHEMES[name].target.startswith("simulator.setup.coded:")


def memory_bytes() -> int | None:
    """Returns the memory of this machine; None where the system does not say it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
