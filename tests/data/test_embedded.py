"""Sets packed in a zip file, the embedded one among them."""

import multiprocessing
import zipfile
from pathlib import Path

import numpy as np
import pytest
from drawn_images import jpeg

from semantic.data import VehicleImages, embedded, load_images, open_dataset

TABLE = """file,vehicle,camera,color,type,split
images/a.jpg,7,1,black,sedan,query
images/b.jpg,7,2,black,sedan,gallery
"""


def packed(path: Path, table: str | None = TABLE, seed: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if table is not None:
            archive.writestr("labels.csv", table)
        archive.writestr("images/a.jpg", jpeg(seed))
        archive.writestr("images/b.jpg", jpeg(seed + 1))
    return path


def first_bytes(images: VehicleImages) -> bytes:
    return images.read(0)


@pytest.mark.integration
def test_members_are_read_here_and_in_worker_processes(tmp_path: Path) -> None:
    images = embedded.open_archive(packed(tmp_path / "set.zip"), "set")
    assert images.is_query.tolist() == [True, False]
    assert images.read(0) == jpeg(0)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(first_bytes, [images]) == [jpeg(0)]


def test_a_rewritten_archive_is_read_again(tmp_path: Path) -> None:
    path = packed(tmp_path / "set.zip")
    assert embedded.open_archive(path, "set").read(0) == jpeg(0)
    path.unlink()
    assert embedded.open_archive(packed(path, seed=5), "set").read(0) == jpeg(5)


def test_damaged_member_is_reported(tmp_path: Path) -> None:
    path = packed(tmp_path / "set.zip")
    data = bytearray(path.read_bytes())
    start = data.index(b"images/b.jpg") + 40
    data[start : start + 60] = bytes(60)
    path.write_bytes(data)
    images = embedded.open_archive(path, "set")
    _, kept, problems = load_images(images, 8)
    assert kept.tolist() == [0]
    assert problems[0].startswith("images/b.jpg: cannot be read")


def test_unusable_archives_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.zip: missing; the installation"):
        embedded.open_archive(tmp_path / "none.zip", "set")
    with pytest.raises(ValueError, match=r"x\.zip: no labels\.csv"):
        embedded.open_archive(packed(tmp_path / "x.zip", None), "set")
    with pytest.raises(
        ValueError, match=r"y\.zip/labels\.csv:3: images/c\.jpg is not in .*nearest"
    ):
        embedded.open_archive(packed(tmp_path / "y.zip", TABLE.replace("b.jpg", "c.jpg")), "set")
    (tmp_path / "z.zip").write_bytes(packed(tmp_path / "w.zip").read_bytes()[:100])
    with pytest.raises(ValueError, match=r"z\.zip: damaged"):
        embedded.open_archive(tmp_path / "z.zip", "set")


def test_embedded_set() -> None:
    assert embedded.ARCHIVE.is_file(), "the embedded test set is missing from the package"
    images = open_dataset("synthetic")
    assert images.name == "synthetic"
    assert len(np.unique(images.vehicle)) >= 100
    assert images.is_query.sum() >= 300
    assert (~images.is_query).sum() >= 1500
    assert images.color.min() >= 0
    assert images.type.min() >= 0
    pixels, _, problems = load_images(images.limit(20, 0), 64)
    assert not problems
    assert pixels.std() > 10
