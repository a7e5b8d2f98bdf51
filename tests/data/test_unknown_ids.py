"""A vehicle or camera of -1 is unknown in every loader: no query, no match, no distractor."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_images import labeled, write

from semantic.data import UNKNOWN, VehicleImages, open_dataset
from semantic.data.dataset import check_queries
from semantic.reid import ReidImages, evaluate_reid
from semantic.training.labels import training_labels

# Two cars by two cameras, and six images of nobody knows which vehicle.
ROWS = [
    *((1, 1), (1, 2), (2, 1), (2, 2)),
    *((-1, 1), (-1, 1), (-1, 1), (-1, 2), (-1, 2), (-1, 2)),
]


def as_table(root: Path, vehicle: str = "-1") -> str:
    lines = [f"{i:03d}.jpg,{vehicle if v < 0 else v},{c}\n" for i, (v, c) in enumerate(ROWS)]
    (root / "labels.csv").write_text("file,vehicle,camera\n" + "".join(lines))
    return str(root)


def as_json(root: Path) -> str:
    rows = [{"file": f"{i:03d}.jpg", "vehicle": v, "camera": c} for i, (v, c) in enumerate(ROWS)]
    (root / "labels.json").write_text(json.dumps(rows))
    return str(root)


def as_names(root: Path) -> str:
    for i, (v, c) in enumerate(ROWS):
        (root / f"{i:03d}.jpg").rename(root / f"{v:04d}_c{c:03d}_{i}.jpg")
    return str(root)


def as_veri(root: Path) -> str:
    for i, (v, c) in enumerate(ROWS):
        for part in ("query", "test") if c == 1 else ("test",):
            write(root / f"image_{part}", f"{v:04d}_c{c:03d}_{i}.jpg")
    return f"veri:{root}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, *(f"{i:03d}.jpg" for i in range(len(ROWS))))
    return tmp_path


@pytest.mark.parametrize("form", [as_table, as_json, as_names, as_veri])
def test_six_images_of_unknown_vehicles_leave_two_queries(root: Path, form: object) -> None:
    images = open_dataset(form(root))  # type: ignore[operator]
    assert images.is_query.sum() == 2
    assert set(images.vehicle[images.is_query].tolist()) == {1, 2}
    assert (images.vehicle == UNKNOWN).sum() >= 6
    assert not images.is_query[images.vehicle == UNKNOWN].any()


@pytest.mark.parametrize("vehicle", ["-2", "-1.0", " -1 "])
def test_every_negative_number_is_unknown(root: Path, vehicle: str) -> None:
    images = open_dataset(as_table(root, vehicle))
    assert images.vehicle.tolist() == [1, 1, 2, 2, *[UNKNOWN] * 6]


def test_a_set_made_by_hand_follows_the_same_rule() -> None:
    vehicle, camera = [v for v, _ in ROWS], [c for _, c in ROWS]
    vehicle[-1] = -7
    images = labeled(vehicle, camera, [c == 1 for c in camera])
    assert images.vehicle[-1] == UNKNOWN
    assert images.is_query.tolist() == [True, False, True, False, *[False] * 6]
    assert images.answerable().sum() == 2
    check_queries(images, "made")


def test_the_ranking_ignores_them() -> None:
    """All six look more like the queries than the right answers do: rank-1 and mAP stay 1."""
    images = labeled([v for v, _ in ROWS], [c for _, c in ROWS], [c == 1 for _, c in ROWS])
    angle = torch.tensor([0.0, 0.3, 2.0, 2.3, *[0.1] * 3, *[2.1] * 3])
    embedding = torch.stack([angle.cos(), angle.sin()], 1)

    def part(rows: np.ndarray) -> ReidImages:
        columns = (torch.from_numpy(c[rows]) for c in (images.vehicle, images.camera))
        return ReidImages(embedding[torch.from_numpy(rows)], *columns)

    result = evaluate_reid(part(images.is_query), part(~images.is_query))
    assert (result.n_valid, result.rank1, result.mean_average_precision) == (2, 1.0, 1.0)


def test_names_of_vehicles_beside_unknown_ones(tmp_path: Path) -> None:
    write(tmp_path, *"abcd")
    (tmp_path / "labels.csv").write_text(
        "file,vehicle,camera\na,red,north\nb,red,south\nc,-1,north\nd,blue,-1\n"
    )
    with pytest.raises(ValueError, match=r"the camera of d is unknown, .* or vehicle -1$"):
        open_dataset(str(tmp_path))
    text = (tmp_path / "labels.csv").read_text().replace("blue,-1", "-1,-1")
    (tmp_path / "labels.csv").write_text(text)
    images = open_dataset(str(tmp_path))
    assert images.vehicle.tolist() == [0, 0, UNKNOWN, UNKNOWN]
    assert images.camera.tolist() == [0, 1, 0, UNKNOWN]


def test_a_set_of_unknown_vehicles_alone_cannot_be_measured(root: Path) -> None:
    rows = "".join(f"{i:03d}.jpg,-1,{i % 2}\n" for i in range(len(ROWS)))
    (root / "labels.csv").write_text("file,vehicle,camera\n" + rows)
    with pytest.raises(ValueError, match="the vehicle or the camera of every image is unknown"):
        open_dataset(str(root))
    made = labeled([-1, -1], [1, 2], [True, False])
    with pytest.raises(ValueError, match=r"no query images of a known vehicle \(2 images are of"):
        check_queries(made, "made")


def test_limit_takes_them_one_by_one_and_not_as_one_vehicle() -> None:
    images = labeled([1, 1, *[-1] * 30], [1, 2, *[1] * 30], [True, *[False] * 31])
    assert len(images.limit(10, seed=0)) == 10


def test_training_knows_no_such_identity() -> None:
    images: VehicleImages = labeled([9, -1, 4, 9], [1, 1, 1, 2], [False] * 4)
    labels = training_labels(images)
    assert labels.vehicle.tolist() == [1, UNKNOWN, 0, 1]
    assert labels.identities == 2
