"""Another user's files: what the system does not let one read is one line that names it."""

import codecs
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from drawn_images import write
from PIL import Image

from semantic.data import load_images, open_dataset

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user"
)


@pytest.fixture
def root() -> Iterator[Path]:
    """A directory that another user can reach, which pytest's own are not."""
    for name in ("utf-8-sig", "gb18030", "ascii"):  # that user may not reach Python's library
        codecs.lookup(name)
    Image.init()
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def another_user() -> Iterator[None]:
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def veri(root: Path) -> Path:
    write(root / "v/image_query", "0001_c001_1.jpg")
    write(root / "v/image_test", "0001_c002_1.jpg")
    (root / "v/name_test.txt").write_text("0001_c002_1.jpg\n")
    (root / "v/test_label.xml").write_text("<a/>")
    return root / "v"


@pytest.mark.parametrize("locked", ["", "labels.csv"])
@pytest.mark.parametrize("mode", [0o000, 0o400, 0o100])
def test_a_locked_table_or_directory(root: Path, locked: str, mode: int) -> None:
    data = root / "data"
    write(data, "a.jpg", "b.jpg")
    (data / "labels.csv").write_text("file,vehicle,camera\na.jpg,1,1\nb.jpg,1,2\n")
    (data / locked).chmod(mode)
    with (
        another_user(),
        pytest.raises(ValueError, match="cannot be read: Permission denied") as caught,
    ):
        open_dataset(str(data))
    assert str(data) in str(caught.value)


@pytest.mark.parametrize("locked", ["v", "v/image_test", "v/name_test.txt", "v/test_label.xml"])
def test_locked_parts_of_veri(root: Path, locked: str) -> None:
    data = veri(root)
    (root / locked).chmod(0)
    with another_user(), pytest.raises(ValueError, match="cannot be read: Permission denied"):
        open_dataset(f"veri:{data}")


def test_a_locked_parent(root: Path) -> None:
    write(root / "above/data", "0001_c001_1.jpg", "0001_c002_1.jpg")
    (root / "above").chmod(0)
    with another_user():
        for spec in (f"{root}/above/data", f"veri:{root}/above/data", f"{root}/above/no"):
            with pytest.raises(ValueError, match=r"above/.*: cannot be read: Permission denied"):
                open_dataset(spec)


def test_a_locked_sub_folder_and_a_locked_image_are_named(root: Path) -> None:
    write(root, *(f"0001_c00{i}_1.jpg" for i in (1, 2, 3)), "sub/0001_c004_1.jpg")
    (root / "sub").chmod(0)
    (root / "0001_c003_1.jpg").chmod(0)
    with another_user():
        images = open_dataset(str(root))
        _, kept, problems = load_images(images, 8)
    assert images.left_out == ("sub: cannot be read: Permission denied",)
    assert kept.tolist() == [0, 1]
    assert problems == ["0001_c003_1.jpg: cannot be read: Permission denied"]
