"""Functions of a user's own that open a data set, and files that do not keep still."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from semantic.data.dataset import ImageFile, VehicleImages
from semantic.data.images import load_images
from semantic.data.opening import open_dataset


def opened(folder: Path) -> VehicleImages:
    """Two images of a vehicle, one of them a query; their files are what `folder` holds."""
    files = [ImageFile(name, folder / name) for name in ("a.png", "b.png")]
    first = np.array([True, False])
    return VehicleImages("own", files, [7, 7], [0, 1], [0, 0], [0, 0], first)  # type: ignore[arg-type]


@pytest.mark.parametrize("part", [[0, 1], [1]])
@pytest.mark.parametrize(("before", "after"), [("A", "B"), ("A", None), (None, "B")])
def test_a_file_that_changes_after_it_was_hashed_is_refused(
    tmp_path: Path, part: list[int], before: str | None, after: str | None
) -> None:
    """Its results would be kept under the hash of other bytes, for every later run."""
    path = tmp_path / "b.png"
    (tmp_path / "a.png").write_bytes(b"-")
    if before is not None:
        path.write_text(before)
    images = opened(tmp_path)
    images.content_hash()
    path.unlink(missing_ok=True)
    if after is not None:
        path.write_text(after)
    with pytest.raises(ValueError, match=r"^own: b.png has changed since it was first read") as e:
        load_images(images.subset(part), 8)
    assert type(e.value) is ValueError  # no image error, which would leave the image out
    assert opened(tmp_path).content_hash() != images.content_hash()


def test_a_file_that_stays_unreadable_is_left_out_as_ever(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"-")
    images = opened(tmp_path)
    images.content_hash()
    with pytest.raises(ValueError, match="none of 2 images can be read"):
        load_images(images, 8)


def test_a_function_that_keeps_its_data_set_keeps_no_old_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_text("old")
    kept, module = opened(tmp_path), ModuleType("keeps_its_data")
    kept.content_hash()
    module.data = lambda split: kept  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keeps_its_data", module)
    before = open_dataset("keeps_its_data:data").content_hash()
    (tmp_path / "b.png").write_text("new")
    after = open_dataset("keeps_its_data:data")
    assert after.content_hash() != before
    kept.color[:] = 1
    assert after.color.tolist() == [0, 0]
    assert open_dataset("keeps_its_data:data").content_hash() != after.content_hash()


def test_what_is_masked_is_unknown() -> None:
    file = (ImageFile("a.png", Path("a.png")),)
    hidden, flag = np.ma.array([1], mask=[True]), np.array([True])
    for kind in (np.uint8, np.int64, np.float32):
        images = VehicleImages("own", file, flag, flag, hidden.astype(kind), flag, flag)
        assert images.color.tolist() == [-1]
    with pytest.raises(ValueError, match="is_query holds"):
        VehicleImages("own", file, flag, flag, flag, flag, np.ma.array([True], mask=[True]))


class Text:
    """A file of a user's own that reads no bytes."""

    name = "a.png"

    def read(self) -> str:
        return "text"


def test_files_of_other_kinds_are_one_line() -> None:
    one = np.ones(1, int)
    images = VehicleImages("own", (Text(),), *[one] * 5)  # type: ignore[arg-type]
    for use in (images.content_hash, lambda: images.read(0)):
        with pytest.raises(ValueError, match=r"^a.png: read\(\) gave a str, it must give bytes$"):
            use()
    nameless = type("Nameless", (), {"read": lambda self: b""})()
    with pytest.raises(ValueError, match="it must hold image files, with a name and read"):
        VehicleImages("own", (nameless,), *[one] * 5)
