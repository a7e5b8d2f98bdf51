"""Faults that a reviewer found: identities in several spellings, a file twice, 8 bits stored in 16."""

import io
from pathlib import Path

import numpy as np
import pytest
from drawn_images import write
from PIL import Image

from semantic.data import UNKNOWN, ImageError, decode, open_dataset
from semantic.data.labels import identity

HEADER = "file,vehicle,camera,split\n"


def opened(root: Path, *rows: str) -> object:
    write(root, *{row.split(",")[0].removeprefix("./") for row in rows})
    (root / "labels.csv").write_text(HEADER + "\n".join(rows) + "\n")
    return open_dataset(str(root))


@pytest.mark.parametrize("one", ["1", "01", "1.0", "+1", "1.", "1e0"])
def test_a_camera_is_one_however_it_is_written(tmp_path: Path, one: str) -> None:
    """The gallery image of the query's own camera must not answer it."""
    rows = ("a.jpg,7,1,query", f"b.jpg,7,{one},gallery", "c.jpg,7,front,gallery")
    images = opened(tmp_path, *rows)
    assert images.camera[0] == images.camera[1] != images.camera[2]
    assert len(set(images.vehicle.tolist())) == 1


@pytest.mark.parametrize(
    "word", ["nan", "NaN", "NA", "None", "null", "unknown", "?", "-1e0", "-inf", "\u22121"]
)
def test_unknown_is_unknown_however_it_is_written(tmp_path: Path, word: str) -> None:
    assert identity(word) is None
    rows = ("a.jpg,7,1,query", "b.jpg,7,2,gallery", f"c.jpg,{word},3,gallery")
    assert opened(tmp_path, *rows).vehicle.tolist()[2] == UNKNOWN


@pytest.mark.parametrize("again", ["a.jpg", "./a.jpg"])
def test_a_query_does_not_find_its_own_file(tmp_path: Path, again: str) -> None:
    rows = ("a.jpg,7,1,query", f"{again},7,2,gallery", "b.jpg,7,3,gallery")
    with pytest.raises(ValueError, match=r"is already given at .*labels\.csv:2"):
        opened(tmp_path, *rows)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_eight_bits_in_sixteen_are_not_black(form: str) -> None:
    file = io.BytesIO()
    Image.fromarray(np.arange(256, dtype=np.uint16).reshape(16, 16)).save(file, form)
    with pytest.raises(ImageError, match="0 to 255 in 16 bits are dark, or of 8 bits"):
        decode(file.getvalue(), "dark", 16)
