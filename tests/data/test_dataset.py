"""The container: subsets, limits, hashes, and opening by name."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from drawn_images import labeled, write
from hypothesis import given
from hypothesis import strategies as st

from semantic.data import ImageFile, VehicleImages, open_dataset
from semantic.data.dataset import check_queries


def random_set(seed: int, vehicles: int = 30) -> VehicleImages:
    rng = np.random.default_rng(seed)
    vehicle = np.repeat(np.arange(vehicles) * 3, rng.integers(1, 9, vehicles))
    rng.shuffle(vehicle)
    camera = rng.integers(0, 4, len(vehicle))
    return labeled(vehicle.tolist(), camera.tolist(), (rng.random(len(vehicle)) < 0.2).tolist())


def names(images: VehicleImages) -> set[str]:
    return {file.name for file in images.files}


def test_lengths_and_labels_are_checked() -> None:
    one = (ImageFile("a.jpg", Path("a.jpg")),)
    good = [np.array([v]) for v in (7, 1, 0, 0, False)]
    assert len(VehicleImages("s", one, *good)) == 1
    with pytest.raises(ValueError, match=r"camera has shape \(2,\), must be \(1,\)"):
        VehicleImages("s", one, good[0], np.array([1, 2]), *good[2:])
    with pytest.raises(ValueError, match="color must be -1 or 0 to 9, is 10"):
        VehicleImages("s", one, *good[:2], np.array([10]), *good[3:])


def test_no_label_is_cut_in_silence() -> None:
    one = (ImageFile("a.jpg", Path("a.jpg")),)
    good = [np.array([v]) for v in (7, 1, 0, 0, False)]
    for place, value, message in (
        (0, 1.7, r"vehicle holds \[1.7\], it must hold whole numbers"),
        (0, 1e30, "vehicle holds"),
        (0, 2**63, "vehicle holds"),
        (1, "c1", r"camera holds \['c1'\]"),
        (2, 0.5, "color holds"),
        (4, 2, "is_query holds .*, it must hold flags, True or False"),
    ):
        with pytest.raises(ValueError, match=f"^s: {message}"):
            VehicleImages("s", one, *good[:place], np.array([value]), *good[place + 1 :])
    with pytest.raises(ValueError, match=r"^s: files holds 'x', it must hold image files"):
        VehicleImages("s", ("x",), *good)  # type: ignore[arg-type]
    given = VehicleImages("s", one, np.array([np.nan]), np.array([1.0]), *good[2:4], np.array([1]))
    assert given.vehicle.tolist() == [-1]
    assert given.camera.dtype == np.int64


def test_subset_takes_places_and_masks() -> None:
    images = random_set(0)
    mask = images.camera == 2
    for part in (images.subset(mask), images.subset(np.flatnonzero(mask))):
        assert names(part) == {f.name for f, m in zip(images.files, mask, strict=True) if m}
        assert np.array_equal(part.vehicle, images.vehicle[mask])
    assert images.subset([3, 3, 0]).files == tuple(images.files[i] for i in (3, 3, 0))
    assert len(images.subset([])) == 0


@given(st.integers(0, 20), st.integers(1, 160), st.integers(0, 5))
def test_limit_keeps_whole_vehicles_and_an_answerable_query(
    data: int, number: int, seed: int
) -> None:
    images = random_set(data)
    part = images.limit(number, seed)
    assert abs(len(part) - min(number, len(images))) <= 8
    assert names(part) == {
        f.name
        for f, v in zip(images.files, images.vehicle, strict=True)
        if v in set(part.vehicle.tolist())
    }
    assert part.answerable().any()
    assert names(part) == names(images.limit(number, seed))
    assert names(part) <= names(images.limit(number + 10, seed))


def test_limit_depends_on_the_seed_and_wants_images() -> None:
    images = random_set(0)
    assert len({frozenset(names(images.limit(20, seed))) for seed in range(5)}) > 1
    assert images.limit(10_000, 0) is images
    with pytest.raises(ValueError, match="number of images is 0"):
        images.limit(0, 0)


def test_limit_of_a_training_set() -> None:
    images = random_set(1)
    train = VehicleImages(
        "train",
        images.files,
        images.vehicle,
        images.camera,
        images.color,
        images.type,
        np.zeros(len(images), dtype=bool),
    )
    assert 0 < len(train.limit(20, 0)) <= 28


def test_content_hash_is_of_content_not_of_place(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    write(a, "000.jpg", "001.jpg")
    shutil.copytree(a, b)
    first = labeled([1, 1], [1, 2], [True, False], a)
    assert first.content_hash() == labeled([1, 1], [1, 2], [True, False], b).content_hash()
    assert first.content_hash() != labeled([1, 1], [1, 3], [True, False], b).content_hash()
    (b / "001.jpg").write_bytes((b / "000.jpg").read_bytes())
    assert first.content_hash() != labeled([1, 1], [1, 2], [True, False], b).content_hash()
    copy = pickle.loads(pickle.dumps(first))
    assert copy.content_hash() == first.content_hash()
    assert copy.read(0) == first.read(0)


def test_queries_must_be_answerable() -> None:
    with pytest.raises(ValueError, match=r"^here: no query images"):
        check_queries(labeled([1, 1], [1, 2], [False, False]), "here")
    lost = labeled([1, 1, 2, 2], [1, 2, 4, 4], [True, False, True, False])
    with pytest.raises(ValueError, match=r"vehicle 2 .* other than 4 for query 002\.jpg$"):
        check_queries(lost, "here")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("synthetc", "'synthetc' is neither .*; nearest: 'synthetic'"),
        ("{tmp}/phoots", "nearest: 'photos'"),
        ("{tmp}/other", "other' is neither synthetic, nor veri:DIR, nor a directory$"),
        ("", "'' is neither"),
        ("veri:", "names no directory"),
        ("veri:{tmp}/none", "none: no such directory"),
        ("very:{tmp}/none", "nearest: 'veri:'"),
        ("{tmp}/file.txt", "file.txt: not a directory"),
        ("{tmp}/photos", "photos: no images"),
    ],
)
def test_what_cannot_be_opened_is_one_clear_line(tmp_path: Path, spec: str, message: str) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "file.txt").write_text("x")
    with pytest.raises(ValueError, match=message) as caught:
        open_dataset(spec.format(tmp=tmp_path))
    assert "\n" not in str(caught.value)


def test_unknown_split_and_useless_pattern() -> None:
    with pytest.raises(ValueError, match="'trian'; nearest: 'train'"):
        open_dataset("synthetic", "trian")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="takes no file-name pattern"):
        open_dataset("synthetic", pattern="x")
    with pytest.raises(ValueError, match="simulate data synthetic --split train --out DIR"):
        open_dataset("synthetic", "train")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise KeyError('plate')", "failed for the split 'test': KeyError: 'plate'"),
        ("raise ValueError('two\\nlines')", "failed for the split 'test': ValueError: two lines"),
        ("raise SystemExit(0)", "failed for the split 'test': SystemExit: 0"),
        ("return None", "gave a NoneType, it must be"),
    ],
)
def test_a_users_function_that_fails_is_one_line_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, message: str
) -> None:
    module = f"failing_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(f"def data(split):\n    {body}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=f"^data set '{module}:data' {message}") as caught:
        open_dataset(f"{module}:data")
    assert "\n" not in str(caught.value)
