"""The plan of a run: plan.json, its points and the names of their files, checked when it is read.

A plan may come from another machine, and any program can write JSON. So every name must be a plain
file name, which stays in the directory of the cells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from simulator.spec import RunSpec
from simulator.sweeps.store import Store

PLAN = "plan.json"
#: Names of the files of finished points: `file_stem` and a suffix.
PLAIN = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]{0,250}\.rows")


@dataclass(frozen=True)
class Plan:
    """What plan.json says.

    Attributes:
        spec: The spec of the run.
        images: Number of images of a point.
        points: Point, as text -> name of its file in the directory of the cells.
    """

    spec: RunSpec
    images: int
    points: dict[str, str]

    @classmethod
    def read(cls, store: Store) -> Plan:
        """Reads the plan of a run.

        Raises:
            ValueError: If there is none, if it lacks an entry, or if a name is not a plain file
                name; the message is one line.
        """
        value = store.read_json(PLAN)
        if not isinstance(value, dict):
            raise ValueError(f"{store.out} is not a run: it has no readable cells/{PLAN}")
        where = store.root / PLAN
        missing = [key for key in ("spec", "images", "points") if key not in value]
        if missing:
            raise ValueError(f"{where} has no entry {missing[0]!r}")
        images, points = value["images"], value["points"]
        if isinstance(images, bool) or not isinstance(images, int) or images < 0:
            raise ValueError(f"{where}: images is {images!r:.60}, it must be a whole number")
        if not isinstance(points, dict):
            raise ValueError(f"{where}: points must be a table of file names")
        for name in points.values():
            if not is_plain(name):
                raise ValueError(f"{where}: {name!r:.120} is not the plain name of a cell's file")
        try:
            return cls(RunSpec.from_json(value["spec"]), images, points)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None

    def write(self, store: Store) -> None:
        """Writes the plan atomically."""
        value = {"spec": self.spec.to_json(), "images": self.images, "points": self.points}
        store.write_json(PLAN, value)


def is_plain(name: Any) -> bool:
    """Whether a name is that of a file of a finished point, in the directory of the cells.

    >>> [is_plain(name) for name in ("semharq_0_dB_seed_0-0123abcd.rows", "../x.rows", "/x.rows", 5)]
    [True, False, False, False]
    """
    return isinstance(name, str) and PLAIN.fullmatch(name) is not None
