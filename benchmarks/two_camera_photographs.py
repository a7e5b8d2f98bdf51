"""Splits the public set of photographs by two cameras into training and validation vehicles.

    python benchmarks/two_camera_photographs.py vehicles_2cam --out data/photographs

The set (Apache-2.0, 507 vehicles, one photograph by each of two cameras) is the training part of
https://github.com/Khoa-Nguyen-Truong/Vehicle-Re-ID-Dataset. It is not part of this repository.
The result is a folder with links to the photographs and a table `labels.csv`: `simulate train
--extra-data DIR` takes its split `train`, and `simulate --data DIR` its queries (camera 1) and its
gallery (camera 2).
"""

import argparse
import csv
import re
from pathlib import Path

import numpy as np

NAME = re.compile(r"(?P<kind>[a-z]+)_(?P<vehicle>\d+)_cam(?P<camera>[12])\.jpg")
#: The kinds that are types of the simulator; a "car" may be a sedan, a hatchback or an SUV.
TYPES = {"bus": "bus", "truck": "truck"}
VALIDATION_VEHICLES = 130


def rows(folder: Path, seed: int) -> list[tuple[Path, tuple[object, ...]]]:
    """Returns the path and the row (file, vehicle, camera, type, split) of each photograph."""
    found = {path: NAME.fullmatch(path.name) for path in sorted(folder.rglob("*.jpg"))}
    named = {path: match for path, match in found.items() if match}
    vehicles = sorted({(match["kind"], match["vehicle"]) for match in named.values()})
    if len(vehicles) <= VALIDATION_VEHICLES:
        raise SystemExit(
            f"{folder}: {len(vehicles)} vehicles, more than {VALIDATION_VEHICLES} expected"
        )
    order = np.random.default_rng(seed).permutation(len(vehicles))
    validation = {vehicles[i] for i in order[:VALIDATION_VEHICLES]}
    table = []
    for path, match in named.items():
        vehicle, camera = (match["kind"], match["vehicle"]), int(match["camera"])
        split = ("query" if camera == 1 else "gallery") if vehicle in validation else "train"
        number, kind = vehicles.index(vehicle), TYPES.get(match["kind"], "")
        table.append((path, (path.name, number, camera, kind, split)))
    return table


def main() -> None:
    """Writes the folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="the set, with its photographs somewhere below")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0, help="decides the validation vehicles")
    options = parser.parse_args()
    table = rows(options.folder, options.seed)
    options.out.mkdir(parents=True)
    for path, row in table:
        (options.out / str(row[0])).symlink_to(path.resolve())
    with (options.out / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "vehicle", "camera", "type", "split"))
        writer.writerows(row for _, row in table)
    count = {
        split: sum(row[-1] == split for _, row in table) for split in ("train", "query", "gallery")
    }
    print(f"{options.out}: " + ", ".join(f"{number} {split}" for split, number in count.items()))


if __name__ == "__main__":
    main()
