"""Joins the finished points of several runs, e.g. of several machines, into one run.

The runs must be one study: their specs may differ in schemes, SNRs and seeds only. The files of
the cells are copied after a check of their checksums. The curve, the per-image rows and the record
are then made of all cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from simulator.spec import RunSpec
from simulator.sweeps.cells import Point
from simulator.sweeps.identity import not_recorded
from simulator.sweeps.late_reads import LATE_FILES
from simulator.sweeps.limits import check_load
from simulator.sweeps.plan import Plan
from simulator.sweeps.records import write_result
from simulator.sweeps.store import DamagedError, Store
from simulator.sweeps.sweep import Result, stored_curve
from simulator.sweeps.writable import check_writable

#: Fields in which the runs of one study may differ.
JOINED = ("schemes", "snr_db", "seed", "seeds")
#: Prefixes of the files of the simulator; other code belongs to a user's schemes and channels.
OURS = ("phy/", "semantic/", "simulator/")
#: Fields that change no number.
WITHOUT_INFLUENCE = ("batch_size", "device", "weights", "data", "until", "max_seeds")


@dataclass(frozen=True)
class Merged:
    """A joined run.

    Attributes:
        result: Its points.
        missing: Number of points that no run has.
        damaged: One line per damaged file.
    """

    result: Result
    missing: int
    damaged: list[str]


def merge_points(directories: Sequence[Path], out: Path) -> Merged:
    """Writes the joined run of one training.

    Args:
        directories: Directories of runs, finished or not. One of them may be `out` itself.
        out: Directory of the joined run.

    Raises:
        ValueError: If a directory is not a run, or if the runs are not one study.
    """
    plans = [Plan.read(Store(directory)) for directory in directories]
    specs = [plan.spec for plan in plans]
    spec = join_specs(list(zip(directories, specs, strict=True)))
    check_load(spec)
    check_writable(out)
    target = Store(out)
    with target.locked():
        found = _gather(list(zip(directories, plans, strict=True)), target)
        if not found.names:
            raise ValueError(f"there is no finished point in {_listed(directories)}")
        wanted = [
            Point(scheme, snr_db, seed)
            for scheme in spec.schemes
            for snr_db in spec.snr_db
            for seed in range(spec.seed, spec.seed + spec.seeds)
        ]
        here = {point: found.names[point] for point in wanted if point in found.names}
        here |= found.names  # further seeds of a stop rule
        planned = {str(point): name for point, name in here.items()}
        count = plans[0].images
        Plan(spec, count, planned).write(target)
        points = stored_curve(target, here)
        result = Result(
            spec,
            points,
            found.hashes,
            (),
            (),
            count,
            target,
            here,
            files=found.files,
            not_recorded=tuple(found.not_recorded),
        )
        write_result(result, out)
    missing = sum(point not in here for point in wanted)
    return Merged(result, missing, found.damaged)


@dataclass
class _Gathered:
    """Finished points of several runs: their files, weights, files of own parts, what
    is not recorded, and one line per damaged file."""

    names: dict[Point, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    not_recorded: dict[str, None] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)


def _gather(runs: Sequence[tuple[Path, Plan]], target: Store) -> _Gathered:
    """Copies the points of all runs after a check of all of them: a refused merge leaves no copy."""
    found, shared = _Gathered(), dict[str, tuple[Any, Path]]()
    copied: list[tuple[Store, str]] = []
    for directory, plan in runs:
        store = Store(directory)
        for name in plan.points.values():
            try:
                stored = store.read(name)
                if stored is None:
                    continue
                identity, _ = stored
                point = _point(identity, name)
            except DamagedError as error:
                found.damaged.append(f"{directory}: {error}")
                continue
            _check_same(shared, identity, directory)
            if store.root.resolve() != target.root.resolve():
                copied.append((store, name))
            found.names[point] = name
            found.hashes |= identity["weights"]
            found.files |= identity.get("files", {})
            found.not_recorded |= dict.fromkeys(not_recorded(identity))
    for store, name in copied:
        stored = store.read(name)
        if stored is not None:
            target.write(name, *stored)
    return found


def join_specs(runs: Sequence[tuple[Path, RunSpec]]) -> RunSpec:
    """Returns the spec of all runs together.

    Raises:
        ValueError: If two runs differ in another field; the message names the first one.
    """
    (first, spec), *others = runs
    for directory, other in others:
        for name in (f.name for f in fields(RunSpec)):
            if name in (*JOINED, *WITHOUT_INFLUENCE):
                continue
            a, b = getattr(spec, name), getattr(other, name)
            if a != b:
                raise ValueError(
                    f"{first} and {directory} are not one study: {name} is {a!r} and {b!r}"
                )
    specs = [spec for _, spec in runs]
    least = min(spec.seed for spec in specs)
    most = max(spec.seed + spec.seeds for spec in specs)
    return replace(
        spec,
        schemes=tuple(dict.fromkeys(name for s in specs for name in s.schemes)),
        snr_db=tuple(sorted({snr_db for s in specs for snr_db in s.snr_db})),
        seed=least,
        seeds=most - least,
        max_seeds=spec.max_seeds
        if spec.until is None
        else max(most - least, *(s.max_seeds for s in specs)),
    )


def _point(identity: dict[str, Any], name: str) -> Point:
    """Returns the point of a file.

    Raises:
        DamagedError: If its identity lacks an entry.
    """
    kinds = {
        "scheme": str,
        "snr_db": float,
        "seed": int,
        "weights": dict,
        "code": dict,
        "data": str,
    }
    for key, kind in kinds.items():
        if not isinstance(identity.get(key), kind):
            raise DamagedError(f"{name} is damaged: its identity has no {key}")
    return Point(identity["scheme"], identity["snr_db"], identity["seed"])


def _check_same(shared: dict[str, tuple[Any, Path]], identity: dict[str, Any], at: Path) -> None:
    """Refuses points whose images, code, weights or files differ from those of another run."""
    ours = {n: h for n, h in identity["code"].items() if n.startswith(OURS)}
    for what, value in (("images", identity["data"]), ("code", ours)):
        known, first = shared.setdefault(what, (value, at))
        if known != value:
            raise ValueError(f"{first} and {at} were computed with other {what}")
    late = {Path(path).name: sha for path, sha in identity.get(LATE_FILES, {}).items()}
    own = {**identity, "files": {**late, **identity.get("files", {})}}
    for kind in ("code", "weights", "files"):  # of users' own parts, by name: not all runs have all
        for name, digest in own.get(kind, {}).items():
            known, first = shared.setdefault(f"{kind} {name}", (digest, at))
            if known != digest:
                raise ValueError(
                    f"{first} and {at} were computed with other {kind}: {name} differs"
                )


def _listed(directories: Iterable[Path]) -> str:
    return ", ".join(str(directory) for directory in directories)
