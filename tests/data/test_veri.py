"""VeRi-776's format with its traps, on a small tree made here."""

import logging
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from drawn_images import write

from semantic.data import COLORS, TYPES, UNKNOWN, open_dataset
from semantic.data.dataset import NoSuchSplitError
from semantic.data.veri import open_veri

TRAIN = {  # name -> (colorID, typeID)
    "0001_c001_00016450_0.jpg": (10, 4),
    "0003_c002_00016460_0.jpg": (7, 0),
    "0007_c002_00016470_1.jpg": (7, 0),
    "0041_c020_00016480_0.jpg": (4, 0),
    "0050_c003_00016490_0.jpg": (4, 0),
    "0051_c003_00016500_0.jpg": (11, 10),
}
TEST = {
    "0002_c002_00030600_0.jpg": (1, 1),
    "0002_c002_00030605_1.jpg": (1, 1),
    "0002_c005_00030610_0.jpg": (1, 1),
    "0776_c007_00000600_0.jpg": (9, 9),
    "0776_c011_00000595_0.jpg": (9, 9),
}
QUERY = ("0776_c007_00000600_0.jpg", "0002_c002_00030600_0.jpg")  # not in the order of names


def label_file(rows: dict[str, tuple[int, int]], root: str) -> bytes:
    items = "\n".join(
        f'<Item imageName="{n}" vehicleID="{n[:4]}" cameraID="{n[5:9]}" '
        f'colorID="{c}" typeID="{t}" note="红色"/>'
        for n, (c, t) in rows.items()
    )
    text = (
        '<?xml version="1.0" encoding="gb2312"?>\n'
        f'<{root} Version="1.0"><Items number="{len(rows)}">\n{items}\n</Items></{root}>\n'
    )
    return text.encode("gb2312")


@pytest.fixture
def veri(tmp_path: Path) -> Path:
    root = tmp_path / "VeRi"
    for part, names in {"train": TRAIN, "test": TEST, "query": QUERY}.items():
        write(root / f"image_{part}", *names)
        (root / f"name_{part}.txt").write_bytes("".join(f"{n}\r\n" for n in names).encode())
    (root / "train_label.xml").write_bytes(label_file(TRAIN, "TrainingImages"))
    (root / "test_label.xml").write_bytes(label_file(TEST, "TestImages"))
    (root / "gt_index.txt").write_text("5 \n3 0 0\n")
    (root / "jk_index.txt").write_text("4 \n1 2 \n")
    return root


def test_label_files_in_odd_forms(veri: Path, caplog: pytest.LogCaptureFixture) -> None:
    file, before = veri / "test_label.xml", open_dataset(f"veri:{veri}")
    text = file.read_bytes().decode("gb2312")
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())  # an editor's mark, and another encoding
    assert open_dataset(f"veri:{veri}").color.tolist() == before.color.tolist()
    file.write_bytes(text.replace('colorID="9"', 'colorID="9.0"').encode("gb2312"))
    open_dataset(f"veri:{veri}")
    assert "0776_c007_00000600_0.jpg has colorID '9.0' (and 1 more); colors are" in caplog.text
    first = text.index("<Item ")
    item = text[first : text.index("/>", first) + 2]
    twice = text.replace(item, item + item.replace('colorID="1"', 'colorID="2"'), 1)
    file.write_bytes(twice.encode("gb2312"))
    with pytest.raises(ValueError, match="is given twice, with different labels"):
        open_dataset(f"veri:{veri}")


def test_camera_numbers_are_read_whole(veri: Path) -> None:
    for name in ("name_test.txt", "name_query.txt"):
        (veri / name).unlink()
    for path in [*veri.glob("image_test/*"), *veri.glob("image_query/*")]:
        path.rename(path.with_name(path.name.replace("_c0", "_c10")))
    assert sorted({*open_dataset(f"veri:{veri}").camera.tolist()}) == [1002, 1005, 1007, 1011]


def test_queries_and_gallery_are_separate_rows(
    veri: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = open_dataset(f"veri:{veri}")
    assert images.name == "veri"
    assert [f.name for f in images.files] == [
        *(f"image_query/{n}" for n in QUERY),
        *(f"image_test/{n}" for n in TEST),
    ]
    assert images.is_query.tolist() == [True] * 2 + [False] * 5
    assert images.vehicle.tolist() == [776, 2, 2, 2, 2, 776, 776]
    assert images.camera.tolist() == [7, 2, 2, 2, 5, 7, 11]
    assert not caplog.records


def test_queries_take_their_labels_from_their_vehicle(veri: Path) -> None:
    images = open_veri(veri)
    brown, estate = COLORS.index("brown"), TYPES.index("estate")
    assert (images.color[0], images.type[0]) == (brown, estate)
    rows = {n: v for n, v in TEST.items() if n not in QUERY}  # even if their twins have none
    (veri / "test_label.xml").write_bytes(label_file(rows, "TestImages"))
    again = open_veri(veri)
    assert np.array_equal(again.color, images.color)
    assert np.array_equal(again.type, images.type)


def test_type_zero_and_unknown_ids(veri: Path, caplog: pytest.LogCaptureFixture) -> None:
    images = open_veri(veri, "train")
    suv = TYPES.index("suv")
    assert images.vehicle.tolist() == [1, 3, 7, 41, 50, 51]
    assert images.type.tolist() == [TYPES.index("hatchback"), suv, suv, suv, UNKNOWN, UNKNOWN]
    assert images.color.tolist() == [9, 6, 6, 3, 3, UNKNOWN]
    assert not images.is_query.any()
    messages = [r.getMessage() for r in caplog.records]
    assert len(messages) == 3
    assert "0051_c003_00016500_0.jpg has colorID '11' (and 1 more); colors are" in messages[0]
    assert "1 images without a color, first image_train/0051" in messages[1]
    assert "2 images without a type, first image_train/0050" in messages[2]


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_other_encodings(veri: Path, encoding: str) -> None:
    before = open_veri(veri)
    text = (veri / "test_label.xml").read_bytes().decode("gb2312").replace("gb2312", encoding)
    (veri / "test_label.xml").write_bytes(text.encode(encoding))
    assert np.array_equal(open_veri(veri).color, before.color)


def test_without_name_files_the_directories_count(veri: Path) -> None:
    for path in veri.glob("name_*.txt"):
        path.unlink()
    assert {f.name for f in open_veri(veri).files} == {
        *(f"image_query/{n}" for n in QUERY),
        *(f"image_test/{n}" for n in TEST),
    }


def test_without_label_files_the_tasks_are_masked(
    veri: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (veri / "test_label.xml").unlink()
    images = open_veri(veri)
    assert set(images.color.tolist() + images.type.tolist()) == {UNKNOWN}
    assert [r.getMessage() for r in caplog.records] == [
        f"{veri / 'test_label.xml'} is missing: color and type are unknown"
    ]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("gt_index.txt", "5\n2 3\n", "gt_index.txt:2: does not fit"),
        ("jk_index.txt", "4\n1 99\n", "jk_index.txt:2: does not fit"),
        ("jk_index.txt", "4\n", "jk_index.txt: 1 lines for 2 queries"),
    ],
)
def test_inconsistent_index_files_are_reported(
    veri: Path, caplog: pytest.LogCaptureFixture, file: str, content: str, message: str
) -> None:
    (veri / file).write_text(content)
    with caplog.at_level(logging.WARNING):
        open_veri(veri)
    assert [message in r.getMessage() for r in caplog.records] == [True]


def test_index_files_under_the_names_of_the_read_me(
    veri: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (veri / "gt_index.txt").unlink()
    (veri / "gt_image.txt").write_text("1\n1\n")
    (veri / "jk_index.txt").write_text("")  # some copies have it empty
    open_veri(veri)
    assert ["gt_image.txt:1" in r.getMessage() for r in caplog.records] == [True]


def test_wrong_vehicle_id_is_reported(veri: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = veri / "test_label.xml"
    path.write_bytes(path.read_bytes().replace(b'vehicleID="0776"', b'vehicleID="0009"', 1))
    assert 9 not in open_veri(veri).vehicle
    assert "0776_c007_00000600_0.jpg has vehicleID '0009'" in caplog.records[0].getMessage()


def damage(root: Path, what: str) -> None:
    if what == "no gallery":
        (root / "image_test").rename(root / "elsewhere")
    elif what == "listed":
        (root / "name_test.txt").write_text("0001_c001_x.jpg\n0001_c002_x.jpg\n")
    elif what == "empty query list":
        (root / "name_query.txt").write_text("\n")
    elif what == "empty query directory":
        for path in (root / "image_query").iterdir():
            path.unlink()
    elif what == "name":
        write(root / "image_test", "holiday.jpg")
        (root / "name_test.txt").unlink()
    elif what == "xml":
        (root / "test_label.xml").write_bytes(label_file(TEST, "TestImages")[:200])
    elif what == "item":
        (root / "test_label.xml").write_bytes(label_file({"x.jpg": (1, 1)}, "TestImages"))
    elif what == "encoding":
        (root / "test_label.xml").write_bytes(b'<?xml version="1.0" encoding="gb0"?><a/>')
    elif what == "unknown vehicle":
        write(root / "image_query", "0555_c002_00000000_0.jpg")
        (root / "name_query.txt").unlink()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("no gallery", r"VeRi: not VeRi-776, image_test/ is missing"),
        ("listed", r"name_test\.txt: none of its 2 images is in .*image_test$"),
        ("empty query list", r"name_query\.txt: no query images"),
        ("empty query directory", r"image_query: no images"),
        ("name", r"image_test/holiday\.jpg: no vehicle and camera in the name"),
        ("xml", r"test_label\.xml: damaged XML"),
        ("item", r"test_label\.xml: imageName 'x\.jpg' must be like"),
        ("encoding", r"test_label\.xml: unknown encoding 'gb0'"),
        ("unknown vehicle", r"no gallery image of vehicle 555 .* query image_query/0555_c002"),
    ],
)
def test_errors_name_the_file(veri: Path, what: str, message: str) -> None:
    damage(veri, what)
    with pytest.raises(ValueError, match=message) as caught:
        open_veri(veri)
    assert "\n" not in str(caught.value)


def test_hints(veri: Path) -> None:
    with pytest.raises(ValueError, match=f"use veri:{re.escape(str(veri))}$"):
        open_dataset(str(veri))
    with pytest.raises(ValueError, match=f"did you mean veri:{re.escape(str(veri))}"):
        open_dataset(f"veri:{veri.parent}")


def test_test_images_alone_are_a_whole_set(veri: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A set without training images is checked without a word about their labels."""
    shutil.rmtree(veri / "image_train", ignore_errors=True)
    (veri / "train_label.xml").unlink(missing_ok=True)
    with pytest.raises(NoSuchSplitError, match="image_train/ is missing"):
        open_veri(veri, "train")
    assert not caplog.records
    assert len(open_veri(veri)) > 0
