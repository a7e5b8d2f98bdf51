"""Training refuses test images, leaves out unknown vehicles, and remembers what it saw."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner

from semantic.data.embedded import ARCHIVE
from semantic.data.opening import open_dataset
from simulator.cli import main
from simulator.training.data import open_training_images


def silent(line: str) -> None:
    """Takes a line."""


def table(root: Path, change: Callable[[dict[str, str]], dict[str, str] | None]) -> Path:
    """Rewrites labels.csv row by row; None drops a row."""
    with (root / "labels.csv").open(newline="") as file:
        rows = [row for old in csv.DictReader(file) if (row := change(old)) is not None]
    with (root / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return root


@pytest.fixture
def images(folder_data: Path, tmp_path: Path) -> Path:
    """A copy of the small folder, all of it for training."""
    root = Path(shutil.copytree(folder_data, tmp_path / "images"))
    return table(root, lambda row: {**row, "split": "train"})


def refused(data: Path | str, out: Path) -> str:
    line = ["train", "--data", str(data), "--out", str(out), "--device", "cpu"]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 2, result.output
    assert not out.exists()
    (problem,) = result.stderr.splitlines()
    return problem


@pytest.mark.parametrize("form", ["labels.csv", "file names"])
def test_a_folder_without_a_split_is_refused(folder_data: Path, tmp_path: Path, form: str) -> None:
    root = Path(shutil.copytree(folder_data, tmp_path / "images"))
    if form == "labels.csv":
        table(root, lambda row: {k: v for k, v in row.items() if k != "split"})
    else:
        (root / "labels.csv").unlink()
        for path in root.glob("*.png"):
            path.rename(root / f"{path.stem[:2]}_c00{path.stem[-1]}.png")
    problem = refused(root, tmp_path / "w")
    assert "training and test would be the same images" in problem
    assert "give every image of labels.csv a split: train, query or gallery" in problem


def test_the_test_split_is_not_for_training(folder_data: Path, tmp_path: Path) -> None:
    assert "no train images; the splits it has: gallery, query" in refused(
        folder_data, tmp_path / "w"
    )
    assert "run `simulate data synthetic --split train" in refused("synthetic", tmp_path / "w")


def test_the_embedded_test_images_under_another_split_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "copy"
    with ZipFile(ARCHIVE) as archive:
        members = ["labels.csv", *[n for n in archive.namelist() if n.endswith("0.jpg")][:4]]
        archive.extractall(root, members)
    table(root, lambda row: {**row, "split": "train"} if row["file"] in members else None)
    problem = refused(root, tmp_path / "w")
    assert "4 of its training images are test images of synthetic" in problem


def test_the_same_bytes_in_both_splits_are_refused(images: Path, tmp_path: Path) -> None:
    for name in ("query", "gallery"):
        shutil.copyfile(images / "00_c0.png", images / f"{name}.png")
    with (images / "labels.csv").open("a", newline="") as file:
        file.write("query.png,99,1,,,query\r\ngallery.png,99,2,,,gallery\r\n")
    assert f"1 of its training images are test images of {images}" in refused(
        images, tmp_path / "w"
    )


def test_a_users_function_that_ignores_the_split_is_refused(
    folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "one_split_for_both"
    (tmp_path / f"{module}.py").write_text(
        "from semantic.data import open_dataset\n"
        f"def data(split):\n    return open_dataset({str(folder_data)!r})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    problem = refused(f"{module}:data", tmp_path / "w")
    assert f"40 of its training images are test images of {module}:data" in problem


def test_images_of_unknown_vehicles_are_left_out_and_named(images: Path) -> None:
    table(images, lambda row: {**row, "vehicle": "-1"} if row["camera"] == "3" else row)
    said: list[str] = []
    found = open_training_images(str(images), said.append)
    assert len(found) == 32
    assert found.known.all()
    assert said == [f"left out: {i:02d}_c3.png: its vehicle is unknown" for i in range(8)]
    table(images, lambda row: {**row, "vehicle": "-1"})
    with pytest.raises(ValueError, match="the vehicle of every training image is unknown"):
        open_training_images(str(images), silent)


def test_the_hash_of_the_images_is_that_of_their_bytes(images: Path, folder_data: Path) -> None:
    """Names, labels, roles and order do not count: the images that a run may meet again."""
    train, test = open_training_images(str(images), silent), open_dataset(str(folder_data))
    assert train.images_hash() == replace(test, vehicle=test.vehicle + 1).images_hash()
    assert train.images_hash() == test.subset(range(39, -1, -1)).images_hash()
    assert train.images_hash() != test.subset(range(39)).images_hash()
