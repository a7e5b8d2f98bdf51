"""Plain folders: tables of labels, file-name patterns, real photographs."""

import json
from pathlib import Path

import numpy as np
import pytest
from drawn_images import write

from semantic.data import COLORS, TYPES, UNKNOWN, load_images, open_dataset
from semantic.data.folder import open_folder

HEADER = "file,vehicle,camera,color,type,split\n"
ROWS = """a.jpg,7,1,black,sedan,query
b.jpg,7,2,Black,sedan,gallery
sub/c.jpg,9,2,,truck,gallery
d.jpg,12,3,red,,train
"""


def table(root: Path, text: str = HEADER + ROWS, name: str = "labels.csv") -> Path:
    write(root, "a.jpg", "b.jpg", "sub/c.jpg", "d.jpg")
    (root / name).write_text(text, encoding="utf-8")
    return root


def test_csv_table(tmp_path: Path) -> None:
    images = open_folder(table(tmp_path))
    assert images.name == tmp_path.name
    assert [f.name for f in images.files] == ["a.jpg", "b.jpg", "sub/c.jpg"]
    assert images.vehicle.tolist() == [7, 7, 9]
    assert images.camera.tolist() == [1, 2, 2]
    assert images.is_query.tolist() == [True, False, False]
    assert images.color.tolist() == [COLORS.index("black")] * 2 + [UNKNOWN]
    assert images.type.tolist() == [TYPES.index(t) for t in ("sedan", "sedan", "truck")]
    train = open_dataset(str(tmp_path), "train")
    assert [f.name for f in train.files] == ["d.jpg"]
    assert not train.is_query.any()


def test_byte_order_mark_spaces_and_column_order_do_not_matter(tmp_path: Path) -> None:
    text = '\ufeffcamera, Vehicle ,note,file\r\n1,x,hello,a.jpg\r\n2,x,"a, b",b.jpg\r\n\r\n'
    images = open_folder(table(tmp_path, text))
    assert images.is_query.tolist() == [True, False]
    assert set(images.color.tolist() + images.type.tolist()) == {UNKNOWN}


@pytest.mark.parametrize("name", ["Labels.csv", "labels.CSV", "labels.tsv", "labels.csv.txt"])
def test_a_table_that_would_be_passed_over_is_refused(name: str, tmp_path: Path) -> None:
    write(tmp_path, "0001_c001_1.jpg", "0001_c002_1.jpg")
    assert len(open_folder(tmp_path)) == 2
    (tmp_path / name).write_text(HEADER + ROWS)
    with pytest.raises(ValueError, match=rf"{name} is not read; the table must be a file labels"):
        open_folder(tmp_path)


def test_two_tables_are_one_too_many(tmp_path: Path) -> None:
    table(tmp_path, "[]", "labels.json")
    with pytest.raises(ValueError, match=r"labels.csv and labels.json are both there"):
        open_folder(table(tmp_path))


def test_folders_of_splits_are_no_test_set(tmp_path: Path) -> None:
    for split in ("Train", "query", "gallery"):
        write(tmp_path, f"{split}/0001_c001_1.jpg", f"{split}/0001_c002_1.jpg")
    with pytest.raises(ValueError, match="the sub-folders Train and query are no splits without a"):
        open_folder(tmp_path)
    assert len(open_folder(tmp_path / "query")) == 2


def test_a_camera_may_have_more_than_three_digits(tmp_path: Path) -> None:
    write(tmp_path, "0001_c0012_1.jpg", "0001_c0013_1.jpg")
    assert open_folder(tmp_path).camera.tolist() == [12, 13]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"vehicle": True}, "vehicle is True, must be a text or a number"),
        ({"vehicle": [1]}, r"vehicle is \[1\], must be a text or a number"),
        ({"color": {"a": 1}}, "color is .*, must be a text or a number"),
        ({"file": 3}, "file is 3, must be text"),
    ],
)
def test_values_of_json_that_are_no_labels(
    change: dict[str, object], problem: str, tmp_path: Path
) -> None:
    row = {"file": "a.jpg", "vehicle": 7, "camera": 1, "split": "query"} | change
    with pytest.raises(ValueError, match=rf"labels.json: entry 1: {problem}"):
        open_folder(table(tmp_path, json.dumps([row]), "labels.json"))


def test_a_label_that_is_given_twice_in_json(tmp_path: Path) -> None:
    text = '[{"file": "a.jpg", "vehicle": 1, "vehicle": 2, "camera": 1}]'
    with pytest.raises(ValueError, match="the key 'vehicle' is given twice"):
        open_folder(table(tmp_path, text, "labels.json"))


def test_json_table(tmp_path: Path) -> None:
    rows = [
        {"file": "a.jpg", "vehicle": "red one", "camera": "gate", "type": "van", "color": None},
        {"file": "b.jpg", "vehicle": "red one", "camera": "yard"},
        {"file": "d.jpg", "vehicle": 5, "camera": "yard"},
    ]
    images = open_folder(table(tmp_path, json.dumps(rows), "labels.json"))
    assert images.vehicle.tolist() == [1, 1, 0]
    assert images.camera.tolist() == [0, 1, 1]
    assert images.is_query.tolist() == [True, False, False]
    assert images.type.tolist() == [TYPES.index("van"), UNKNOWN, UNKNOWN]
    with pytest.raises(ValueError, match=r"training and test would be the same images; give every"):
        open_folder(tmp_path, "train")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + ROWS.replace("black", "blck"), "csv:2: unknown color 'blck'; nearest: 'black'"),
        (HEADER + ROWS.replace("red", "grey"), "csv:5: unknown color 'grey'; nearest: 'gray'"),
        (HEADER + ROWS.replace("truck", "lorry"), "csv:4: unknown type 'lorry'; allowed: sedan"),
        (HEADER + ROWS.replace("query", "querry"), "csv:2: unknown split 'querry'; nearest"),
        (HEADER.replace("color", "colour") + ROWS, "csv:1: unknown column 'colour'; nearest: 'co"),
        (HEADER.replace("color", "vehicle") + ROWS, "csv:1: a column is given twice"),
        ((HEADER + ROWS).replace(",", ";"), "csv:1: no column 'file'; has file;vehicle"),
        (HEADER + "a.jpg,1\n", "csv:2: 2 fields, the header has 6"),
        (HEADER + "a.jpg,,1,,,query\n", "csv:2: vehicle is blank; -1 stands for"),
        (HEADER + "a.jpg,1,,,,query\n", "csv:2: no camera for a.jpg"),
        (HEADER + "e.jpg,1,1,,,query\nf.jpg,1,2,,,gallery\n", "csv:2: e.jpg is not in .*; nearest"),
        (HEADER + ROWS + "a.jpg,1,1,,,query\n", "csv:6: a.jpg is already given at .*csv:2"),
        (HEADER + ROWS + "a.jpg,1,1,,,\n", "csv:6: split must be given for every image"),
        (HEADER, "labels.csv: no images"),
        ("", "csv:1: no column 'file'; has none"),
        (HEADER + "a.jpg,1,1,,,gallery\n", "labels.csv: no query images"),
        (HEADER + "a.jpg,1,1,,,train\n", "no test images; the splits it has: train"),
        (HEADER + "a.jpg,1,1,,,query\nb.jpg,1,1,,,gallery\n", "no gallery .* for query a.jpg"),
    ],
)
def test_bad_tables_are_one_line_with_file_line_and_value(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        open_folder(table(tmp_path, text))
    assert str(tmp_path / "labels.csv") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["lables.csv", "annotations.json", "LABEL.CSV"])
def test_a_table_of_another_name_is_named(tmp_path: Path, name: str) -> None:
    table(tmp_path, HEADER + ROWS, name)
    with pytest.raises(
        ValueError, match=f"; {name} is not read; a table must be a file labels.csv"
    ):
        open_folder(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"file": "a.jpg",}]', "json:1: not JSON"),
        ('{"file": "a.jpg"}', "must be a list of objects, is dict"),
        ('["a.jpg"]', "entry 1: must be an object, is str"),
        ('[{"file": "a.jpg"}]', "entry 1: no column 'vehicle'"),
        ('[{"file":"a.jpg","vehicle":1,"camera":1,"type":"suvv"}]', "entry 1: .*nearest: 'suv'"),
    ],
)
def test_bad_json(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_folder(table(tmp_path, text, "labels.json"))


def test_table_that_is_no_text(tmp_path: Path) -> None:
    (table(tmp_path) / "labels.csv").write_bytes(b"file,vehicle\n\xff\xfe,1\n")
    with pytest.raises(ValueError, match=r"labels\.csv: not UTF-8"):
        open_folder(tmp_path)


def test_training_split_must_exist(tmp_path: Path) -> None:
    table(tmp_path, HEADER + ROWS.replace("d.jpg,12,3,red,,train\n", ""))
    with pytest.raises(ValueError, match="no train images; the splits it has: gallery, query"):
        open_folder(tmp_path, "train")


def test_camera_of_a_table_may_come_from_the_names(tmp_path: Path) -> None:
    write(tmp_path, "0001_c001_1.jpg", "0001_c004_2.jpg")
    text = "file,vehicle,color\n0001_c001_1.jpg,1,red\n0001_c004_2.jpg,1,red\n"
    (tmp_path / "labels.csv").write_text(text)
    assert open_folder(tmp_path).camera.tolist() == [1, 4]
    assert open_folder(tmp_path, pattern=r"(\d+)_(\d)\.jpg").camera.tolist() == [1, 2]


def test_veri_names_are_searched_in_sub_folders(tmp_path: Path) -> None:
    write(tmp_path, "x/0002_c003_00030600_0.jpg", "x/y/0002_c012_1.JPG", "0009_c012_7.png")
    write(tmp_path, ".hidden/0001_c001.jpg", "__MACOSX/0001_c001.jpg", "x/._0001_c001.jpg")
    images = open_folder(tmp_path)
    assert images.vehicle.tolist() == [9, 2, 2]
    assert images.camera.tolist() == [12, 3, 12]
    assert images.is_query.tolist() == [False, True, False]


def test_classes_count_their_vehicles_apart(tmp_path: Path) -> None:
    kinds = ("truck_0001", "bus_0001", "motorcycle_0001")
    write(tmp_path, *[f"{kind}_cam{camera}.jpg" for kind in kinds for camera in (2, 5)])
    images = open_folder(tmp_path)
    assert len(np.unique(images.vehicle)) == 3
    assert images.is_query.tolist() == [True, False] * 3
    kinds = tuple(sorted(kinds))
    expected = [TYPES.index("bus"), UNKNOWN, TYPES.index("truck")]
    assert images.type.tolist() == [t for t in expected for _ in (2, 5)]
    assert set(images.color.tolist()) == {UNKNOWN}


def test_user_pattern(tmp_path: Path) -> None:
    write(tmp_path, "v12/north/1.jpg", "v12/south/1.jpg", "v3/north/1.jpg", "v3/south/2.jpg")
    images = open_dataset(str(tmp_path), pattern=r"^(?P<vehicle>v\d+)/(?P<camera>\w+)/")
    assert images.vehicle.tolist() == [0, 0, 1, 1]
    assert images.is_query.tolist() == [True, False, True, False]
    for pattern, message in {
        "(": "is no regular expression",
        "(?P<vehicle>.)": "must have the groups",
        "(?P<vehicle>.)(?P<camera>.)(?P<color>.)": "must have the groups",
        r"(\d+)-(\d+)": "names such as v12/north/1.jpg do not fit",
        r"(v12)/(\w+)": "v3/north/1.jpg does not fit the file-name pattern .* that v12/north/1.jpg",
        r"(v\d+)/(\d+)?": "finds no vehicle or no camera",
    }.items():
        with pytest.raises(ValueError, match=message):
            open_folder(tmp_path, pattern=pattern)


def test_unlabeled_folders(tmp_path: Path) -> None:
    write(tmp_path, "a/holiday.jpg")
    with pytest.raises(ValueError, match=r"no labels\.csv or labels\.json, .* a/holiday\.jpg"):
        open_folder(tmp_path)
    write(tmp_path / "one", "0001_c001_1.jpg", "0002_c001_1.jpg")
    with pytest.raises(ValueError, match="one: all 2 images are from one camera"):
        open_folder(tmp_path / "one")
    write(tmp_path / "two", "0001_c001_1.jpg", "0002_c002_1.jpg")
    with pytest.raises(ValueError, match="two: no query images"):
        open_folder(tmp_path / "two")


def test_real_photographs(photographs: Path) -> None:
    images = open_dataset(str(photographs))
    assert images.name == photographs.name
    assert len(np.unique(images.vehicle)) == 507
    assert images.is_query.sum() == (~images.is_query).sum() == 507
    assert set(images.camera[images.is_query].tolist()) == {1}
    assert images.answerable().sum() == 507
    count = {TYPES[t]: int((images.type == t).sum()) for t in np.unique(images.type) if t >= 0}
    assert count == {"bus": 8, "truck": 112}
    few = images.limit(40, seed=0)
    assert len(few) == 40
    pixels, kept, problems = load_images(few, 64)
    assert not problems
    assert len(kept) == 40
    assert pixels.reshape(40, -1).std(axis=1).min() > 10
