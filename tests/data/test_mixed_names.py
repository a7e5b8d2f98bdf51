"""One vehicle or camera that the labels write in two ways, and labels in a column without a name."""

from pathlib import Path

import pytest

from semantic.data.labels import LabelRow, assemble, parse_labels

CAMERA_OF_TWO_NAMES = "would be two; write one and the same in the same way"


def rows(column: str, *names: str) -> list[LabelRow]:
    others = {"vehicle": "7", "camera": "c3"}
    return [
        LabelRow(f"labels.csv:{k}", f"{k}.jpg", **{**others, column: name})
        for k, name in enumerate(names, 2)
    ]


@pytest.mark.parametrize("column", ["vehicle", "camera"])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("c001", "1"),
        ("1", "c001"),
        ("c1", "c001"),
        ("cam 1", "cam1"),
        ("C1", "c1"),
        ("01", "cam_1"),
    ],
)
def test_a_number_written_in_two_ways_is_refused(column: str, first: str, second: str) -> None:
    given = rows(column, first, "c2", second)
    with pytest.raises(ValueError, match=CAMERA_OF_TWO_NAMES) as caught:
        assemble("set", "labels.csv", given, [], "test")
    assert str(caught.value).startswith(f"labels.csv:4: {column} {second!r}")
    assert f"{first!r} at labels.csv:2" in str(caught.value)


@pytest.mark.parametrize(
    "names", [("1", "001", "1.0"), ("c1", "c2", "c1"), ("a1", "b1"), ("-1", "c1"), ("north", "1")]
)
def test_names_that_are_one_or_differ_pass(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="one per image") as caught:  # no files: the names pass
        assemble("set", "labels.csv", rows("camera", *names), [], "test")
    assert CAMERA_OF_TWO_NAMES not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("file,vehicle,,color\na.jpg,1,c2,red\n", "column 3 has no name, and holds 'c2'"),
        ("file,vehicle,camera,\na.jpg,1,c2,\nb.jpg,1,c1,red\n", "column 4 has no name"),
        ("file,vehicle,camera, \na.jpg,1,c2,suv\n", "and holds 'suv'; allowed are file, vehicle"),
    ],
)
def test_a_column_of_labels_without_a_name_is_refused(table: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"^labels\.csv:1: ") as caught:
        parse_labels(table, "labels.csv")
    assert problem in str(caught.value)


@pytest.mark.parametrize("cells", [("0", "1"), ("1", "2"), ("", " ")])
def test_row_numbers_and_blank_cells_need_no_name(cells: tuple[str, str]) -> None:
    text = "".join(f"{cell},{k}.jpg,1,c{k}\n" for k, cell in enumerate(cells))
    assert len(parse_labels(f",file,vehicle,camera\n{text}", str(Path("labels.csv")))) == 2
