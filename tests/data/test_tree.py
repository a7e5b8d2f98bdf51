"""Folders: links are followed, suffixes are those of Pillow, and nothing is passed over unseen."""

import os
from pathlib import Path

import pytest
from drawn_images import write
from PIL import Image

from semantic.data import open_dataset
from semantic.data.images import FORMATS
from semantic.data.tree import MOST_LABEL_BYTES, SUFFIXES, list_images


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "root"
    write(elsewhere, "0001_c001_1.jpg", "deep/0001_c002_1.jpg")
    write(root, "z/0002_c001_1.jpg", "0002_c002_1.jpg")
    (root / "a_link").symlink_to(elsewhere)
    names, problems = list_images(root)
    assert names == [
        *("0002_c002_1.jpg", "a_link/0001_c001_1.jpg", "a_link/deep/0001_c002_1.jpg"),
        "z/0002_c001_1.jpg",
    ]
    assert not problems
    images = open_dataset(str(root))
    assert images.is_query.sum() == 2
    assert images.read(1) == (elsewhere / "0001_c001_1.jpg").read_bytes()


def test_a_loop_of_links_ends_and_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a/0001_c001_1.jpg", "a/0001_c002_1.jpg")
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "a")
    (tmp_path / "itself").symlink_to("itself")
    names, problems = list_images(tmp_path)
    assert names == ["a/0001_c001_1.jpg", "a/0001_c002_1.jpg"]  # under the name of their own place
    assert problems == [
        "a/back: a link to a folder that is already read",
        "again: a link to a folder that is already read",
        "1 files without the suffix of an image: itself",
    ]


def test_suffixes_are_those_that_pillow_knows() -> None:
    Image.init()
    known = {s for s, name in Image.registered_extensions().items() if name in (*FORMATS, "MPO")}
    assert known == set(SUFFIXES)


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".JFIF", ".apng", ".pbm", ".j2k", ".dib"])
def test_rarer_suffixes_are_images(tmp_path: Path, suffix: str) -> None:
    write(tmp_path, f"0001_c001_1{suffix}", f"0001_c002_1{suffix}")
    assert len(open_dataset(str(tmp_path))) == 2


def test_other_files_are_named_in_one_line(tmp_path: Path) -> None:
    write(tmp_path, "0001_c001_1.jpg", "0001_c002_1.jpg", "x.heic", "x.txt", "y/z.psd", "zz.tga")
    write(tmp_path, ".hidden.psd", "__MACOSX/1.psd")
    images = open_dataset(str(tmp_path))
    line = "4 files without the suffix of an image: x.heic, x.txt, y/z.psd and 1 more"
    assert images.left_out == (line,)
    assert images.subset([0]).left_out == (line,)


def test_what_is_no_regular_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, "0001_c001_1.jpg", "0001_c002_1.jpg")
    (tmp_path / "0001_c003_1.jpg").symlink_to("nowhere")
    (tmp_path / "0001_c004_1.jpg").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "0001_c005_1.jpg")
    images = open_dataset(str(tmp_path))
    assert len(images) == 2
    assert images.left_out == tuple(
        f"0001_c00{i}_1.jpg: cannot be read: no regular file is there" for i in (3, 4, 5)
    )


def test_a_table_that_lists_a_device_does_not_read_it_for_ever(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "c.jpg").symlink_to("/dev/zero")
    (tmp_path / "labels.csv").write_text("file,vehicle,camera\na.jpg,1,1\nb.jpg,1,2\nc.jpg,1,3\n")
    images = open_dataset(str(tmp_path))
    with pytest.raises(OSError, match="not a regular file"):
        images.read(2)


@pytest.mark.parametrize("name", ["labels.csv", "labels.json"])
def test_labels_without_an_end_are_refused_and_not_read(tmp_path: Path, name: str) -> None:
    write(tmp_path, "0001_c001_1.jpg")
    with (tmp_path / name).open("wb") as file:
        file.truncate(MOST_LABEL_BYTES + 1)  # sparse: it takes no room on the disk
    with pytest.raises(ValueError, match=r"labels\.\w+: longer than 64 MiB"):
        open_dataset(str(tmp_path))
