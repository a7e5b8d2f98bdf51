"""File names and tables in any encoding and form: handled, or one line."""

import os
import unicodedata
from pathlib import Path

import pytest
from drawn_images import labeled, write

from semantic.data import load_images, open_dataset

COMPOSED = "café"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


def test_a_name_that_is_not_utf_8_is_escaped_and_read(tmp_path: Path) -> None:
    write(tmp_path, "0001_c002_1.jpg", "x.jpg")
    os.rename(tmp_path / "x.jpg", os.fsencode(tmp_path) + b"/0001_c001_\xba.jpg")  # noqa: PTH104
    images = open_dataset(str(tmp_path))
    assert [f.name for f in images.files] == ["0001_c001_\\xba.jpg", "0001_c002_1.jpg"]
    for file in images.files:
        file.name.encode()
    assert len(load_images(images, 8)[1]) == 2


def test_a_line_break_in_a_name_does_not_break_a_message(tmp_path: Path) -> None:
    (tmp_path / "0001_c001_\n.jpg").write_bytes(b"junk")
    write(tmp_path, "0001_c002_1.jpg")
    (problem,) = load_images(open_dataset(str(tmp_path)), 8)[2]
    assert problem.startswith("0001_c001_\\x0a.jpg: not an image")


@pytest.mark.parametrize(("listed", "stored"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_table_and_a_disk_may_write_accents_differently(
    tmp_path: Path, listed: str, stored: str
) -> None:
    write(tmp_path, f"{stored}/{stored}1.jpg", f"{stored}/{stored}2.jpg")
    rows = f"{listed}/{listed}1.jpg,{listed},1\n{listed}/{listed}2.jpg,{stored},2\n"
    (tmp_path / "labels.csv").write_text("file,vehicle,camera\n" + rows, encoding="utf-8")
    images = open_dataset(str(tmp_path))
    assert images.vehicle.tolist() == [0, 0]  # one vehicle under two forms of one name
    assert len(load_images(images, 8)[1]) == 2


def test_a_pattern_fits_both_forms(tmp_path: Path) -> None:
    write(tmp_path, f"{COMPOSED}_c1.jpg", f"{DECOMPOSED}_c2.jpg")
    images = open_dataset(str(tmp_path), pattern=rf"(?P<vehicle>{COMPOSED})_c(?P<camera>\d)")
    assert images.vehicle.tolist() == [0, 0]


def test_thirty_digits(tmp_path: Path) -> None:
    number = "1" * 30
    write(tmp_path, f"{number}_c001_1.jpg", f"{number}_c002_1.jpg")
    assert open_dataset(str(tmp_path)).vehicle.tolist() == [0, 0]
    write(tmp_path / "veri/image_query", f"{number}_c001_1.jpg")
    write(tmp_path / "veri/image_test", f"{number}_c002_1.jpg")
    with pytest.raises(ValueError, match=r"1_c001_1\.jpg: no vehicle .* at most 18 digits$"):
        open_dataset(f"veri:{tmp_path}/veri")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "labels.json: not JSON that can be read"),
        ('[{"file":"a","vehicle":' + "9" * 5000 + "}]", "labels.json: not JSON that can be read"),
    ],
)
def test_json_that_no_reader_takes(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        open_dataset(str(tmp_path))


def test_a_byte_order_mark_in_json(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg", "b.jpg")
    rows = '[{"file":"a.jpg","vehicle":1,"camera":1},{"file":"b.jpg","vehicle":1,"camera":2}]'
    (tmp_path / "labels.json").write_text(rows, encoding="utf-8-sig")
    assert len(open_dataset(str(tmp_path))) == 2


def test_a_table_in_utf_16_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,vehicle,camera\n", encoding="utf-16")
    with pytest.raises(ValueError, match=r"labels\.csv: not UTF-8 text .* save it as UTF-8$"):
        open_dataset(str(tmp_path))


def test_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "VeRi/image_query", "0001_c001_1.jpg")
    write(tmp_path / "VeRi/image_test", "0001_c002_1.jpg")
    write(tmp_path / "plain", "0001_c001_1.jpg", "0001_c002_1.jpg")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(open_dataset("veri:~/VeRi")) == 2
    assert len(open_dataset("~/plain")) == 2
    with pytest.raises(ValueError, match="~nobody-of-this-name/x"):
        open_dataset("veri:~nobody-of-this-name/x")


@pytest.mark.parametrize("name", ["a\0b.jpg", "x" * 300 + ".jpg"])
def test_names_that_no_file_can_have_are_missing_files(tmp_path: Path, name: str) -> None:
    write(tmp_path, "a.jpg", "b.jpg")
    rows = f"a.jpg,1,1\nb.jpg,1,2\n{name},1,3\n"
    (tmp_path / "labels.csv").write_text("file,vehicle,camera\n" + rows)
    images = open_dataset(str(tmp_path))
    _, kept, problems = load_images(images, 8)
    assert kept.tolist() == [0, 1]
    assert len(problems) == 1
    with pytest.raises(ValueError, match="cannot be read"):
        open_dataset("x" * 300)


def test_a_set_made_by_hand_escapes_its_names() -> None:
    assert labeled([1], [1], [False]).files[0].name == "000.jpg"


def test_a_missing_and_a_damaged_file_are_treated_alike(tmp_path: Path) -> None:
    names = [f"{i}.jpg" for i in range(4)]
    write(tmp_path, *names)
    (tmp_path / "labels.csv").write_text(
        "file,vehicle,camera\n" + "".join(f"{n},1,{i}\n" for i, n in enumerate(names))
    )
    (tmp_path / "2.jpg").unlink()
    (tmp_path / "3.jpg").write_bytes((tmp_path / "3.jpg").read_bytes()[:200])
    images = open_dataset(str(tmp_path))
    _, kept, problems = load_images(images, 8)
    assert kept.tolist() == [0, 1]
    assert problems[0] == "2.jpg: cannot be read: No such file or directory"
    assert problems[1].startswith("3.jpg: corrupt image")


def test_a_missing_image_of_veri_is_left_out_and_named(tmp_path: Path) -> None:
    write(tmp_path / "image_query", "0001_c001_1.jpg")
    write(tmp_path / "image_test", "0001_c002_1.jpg")
    (tmp_path / "name_test.txt").write_text("0001_c002_1.jpg\n0001_c003_1.jpg\n")
    (tmp_path / "image_test/notes.txt").write_text("x")
    _, kept, problems = load_images(open_dataset(f"veri:{tmp_path}"), 8)
    assert kept.tolist() == [0, 1]
    assert problems == ["image_test/0001_c003_1.jpg: cannot be read: No such file or directory"]
    (tmp_path / "name_test.txt").unlink()
    assert open_dataset(f"veri:{tmp_path}").left_out == (
        "image_test: 1 files without the suffix of an image: notes.txt",
    )


@pytest.mark.parametrize(
    "text",
    [
        "file,vehilz\x0bwcle,camera\na.jpg,1,1\n",
        "file,camera" + ",x" * 5000 + "\n",
        "file,vehicle,camera,color\na.jpg,1,1," + "red" * 2000 + "\n",
        "file,vehicle,camera,split\na.jpg,1,1," + "train" * 2000 + "\n",
        "file,vehicle,camera\n" + "a" * 9000 + ".jpg,1,1\n",
        "file,vehicle\n" + "a" * 9000 + ".jpg,1\n",
        "file,vehicle,camera\n" + ("a" * 9000 + ".jpg,1,1\n") * 2,
    ],
)
def test_messages_stay_short_whatever_the_table_holds(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ValueError, match=r"labels\.csv") as caught:
        open_dataset(str(tmp_path))
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 1000


def test_a_list_of_veri_with_an_absurd_name_is_one_short_line(tmp_path: Path) -> None:
    write(tmp_path / "image_query", "0001_c001_1.jpg")
    write(tmp_path / "image_test", "0001_c002_1.jpg")
    (tmp_path / "name_test.txt").write_text("0001_c002_1.jpg\n" + "/dev/full" * 300 + "\n")
    with pytest.raises(ValueError, match=r"image_test//dev/full.*\.\.\.: no vehicle") as caught:
        open_dataset(f"veri:{tmp_path}")
    assert len(str(caught.value)) < 1000
