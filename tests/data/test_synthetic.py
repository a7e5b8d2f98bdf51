"""The synthetic vehicle set: specification, splits and labels."""

from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from semantic.data import COLORS, TYPES
from semantic.data.synthetic import (
    LabeledShot,
    sample_cameras,
    sample_shots,
    sample_vehicles,
    write_synthetic,
)
from semantic.data.synthetic.cameras import LIGHTS, sample_variation
from semantic.data.synthetic.difficulty import (
    FAMILY_SIZES,
    FAR_CAMERAS,
    FAR_PX,
    LIGHT_ODDS,
)
from semantic.data.synthetic.populations import POPULATIONS, SPLITS
from semantic.data.synthetic.vehicle import Vehicle
from semantic.reid import ReidImages, evaluate_reid


@cache
def drawn(seed: int, population: str, count: int | None) -> list[Vehicle]:
    return sample_vehicles(seed, population, count)


def vehicles_of(split: str) -> list[Vehicle]:
    """The vehicles of a population, drawn once for all tests."""
    return drawn(0, split, None)


@cache
def shots_of(split: str) -> tuple[LabeledShot, ...]:
    """The shots of a split, drawn once for all tests, of the vehicles above."""
    with pytest.MonkeyPatch.context() as patch:
        once = "semantic.data.synthetic.tracks.sample_vehicles"
        patch.setattr(once, lambda seed, population, count=None: drawn(seed, population, count))
        return tuple(sample_shots(split))


@pytest.fixture(scope="module")
def test_shots() -> tuple[LabeledShot, ...]:
    return shots_of("test")


def test_seed_decides_the_specification() -> None:
    assert sample_vehicles(3, "test") == sample_vehicles(3, "test")
    assert sample_shots("test", 3, 10) == sample_shots("test", 3, 10)
    assert sample_vehicles(3, "test") != sample_vehicles(4, "test")


def test_splits_share_no_vehicle() -> None:
    drawn = {split: vehicles_of(split) for split in (*SPLITS, "extras")}
    numbers = [v.number for vehicles in drawn.values() for v in vehicles]
    assert len(set(numbers)) == len(numbers)
    proportions = [{v.proportions for v in vehicles} for vehicles in drawn.values()]
    assert len(set.union(*proportions)) == sum(map(len, proportions))
    for one in POPULATIONS.values():
        for two in POPULATIONS.values():
            assert one is two or one.first + one.most <= two.first or two.first < one.first


@pytest.mark.parametrize("split", SPLITS)
def test_label_mix(split: str) -> None:
    vehicles = vehicles_of(split)
    colors = Counter(v.color for v in vehicles)
    types = Counter(v.type for v in vehicles)
    assert set(colors) == set(COLORS)
    assert set(types) == set(TYPES)
    assert 0.5 < sum(colors[c] for c in ("black", "white", "gray")) / len(vehicles) < 0.85
    assert types.most_common(1)[0][0] == "sedan"
    assert min(*colors.values(), *types.values()) >= (60 if split == "train" else 3)


@pytest.mark.parametrize("split", SPLITS)
def test_half_of_the_vehicles_have_no_marks(split: str) -> None:
    vehicles = vehicles_of(split)
    # The standard error of 220 draws is 0.034.
    marked = np.array([bool(v.marks or v.stripes) for v in vehicles])
    assert 0.40 < marked.mean() < 0.60
    types = np.array([v.type for v in vehicles])
    assert marked[types == "sedan"].mean() < marked[np.isin(types, ("bus", "truck", "van"))].mean()


@pytest.mark.parametrize("split", SPLITS)
def test_families_share_model_and_paint(split: str) -> None:
    vehicles = vehicles_of(split)
    families = defaultdict(list)
    for v in vehicles:
        families[v.family].append(v)
    sizes = [len(members) for members in families.values()]
    grouped = sum(size for size in sizes if size > 1) / len(vehicles)
    assert grouped == pytest.approx(POPULATIONS[split].families, abs=0.01)
    assert set(sizes) <= {1, *FAMILY_SIZES}
    assert max(sizes) > 2
    for members in families.values():
        assert len({(v.model, v.color, v.type) for v in members}) == 1
        looks = {replace(v, number=0, plate_seed=0.0) for v in members}
        assert len(looks) == len(members)  # more than the plate tells them apart
    assert len({members[0].model for members in families.values()}) == len(families)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("split", "queries", "images", "mean"),
    [
        ("train", 0, 22_000, 4.6),
        ("validation", 500, 2_900, 10.7),
        ("test", 500, 2_900, 10.7),
        ("large", 1_678, 1_678 + 11_579, 10.8),
    ],
)
def test_sizes(split: str, queries: int, images: int, mean: float) -> None:
    shots = shots_of(split)
    count = Counter(s.split for s in shots)
    assert len(shots) == images
    assert count == (
        {"train": images} if split == "train" else {"query": queries, "gallery": images - queries}
    )
    assert len({s.file for s in shots}) == images
    cameras = defaultdict(set)
    for s in shots:
        cameras[s.shot.vehicle.number].add(s.shot.camera.number)
    seen = [len(c) for c in cameras.values()]
    assert len(seen) == POPULATIONS[split].count
    assert min(seen) >= 2
    assert max(seen) <= 18
    assert mean - 0.4 < np.mean(seen) < mean + 0.4
    assert len(set.union(*cameras.values())) == (160 if split == "train" else 20)


def test_the_cameras_of_the_test_are_among_those_of_the_training() -> None:
    assert sample_cameras(0, 160)[:20] == sample_cameras(0)


def test_training_varies_the_response_more_than_the_test() -> None:
    response = sample_cameras(0)[0].response
    spread = []
    for training in (False, True):
        rng = np.random.default_rng(0)
        varied = [sample_variation(rng, response, training) for _ in range(200)]
        spread.append(np.std([np.log(v.exposure) for v in varied]))
        assert len({v.saturation for v in varied}) == (200 if training else 1)
    assert spread[1] > 3 * spread[0]


def test_every_kind_of_light_occurs(test_shots: tuple[LabeledShot, ...]) -> None:
    assert {light.name for light in LIGHTS} == set(LIGHT_ODDS)
    passages = {(s.shot.vehicle.number, s.shot.camera.number): s.shot.light for s in test_shots}
    count = Counter(light.name for light in passages.values())
    for name, odds in LIGHT_ODDS.items():
        assert count[name] / len(passages) == pytest.approx(odds, abs=0.04)


def test_far_cameras_have_small_crops_and_no_queries(test_shots: tuple[LabeledShot, ...]) -> None:
    seen_by: dict[int, set[int]] = defaultdict(set)
    for s in test_shots:
        seen_by[s.shot.vehicle.number].add(s.shot.camera.number)
        far = s.shot.camera.number in FAR_CAMERAS
        assert far == (s.shot.native_px <= FAR_PX[1] * 1.08)
    for s in test_shots:
        if s.split == "query" and s.shot.camera.number in FAR_CAMERAS:
            assert seen_by[s.shot.vehicle.number] <= set(FAR_CAMERAS)
    train = sample_shots("train", vehicles=100)
    assert min(s.shot.native_px for s in train) > FAR_PX[1]


def test_every_query_can_be_found_by_another_camera(test_shots: tuple[LabeledShot, ...]) -> None:
    gallery = defaultdict(set)
    queries = Counter()
    for s in test_shots:
        key = s.shot.vehicle.number, s.shot.camera.number
        if s.split == "gallery":
            gallery[key[0]].add(key[1])
        else:
            queries[key] += 1
    assert set(queries.values()) == {1}
    assert all(gallery[vehicle] - {camera} for vehicle, camera in queries)


def test_bad_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'valid'; nearest: 'validation'"):
        sample_vehicles(0, "valid")
    with pytest.raises(ValueError, match="'extras'; allowed: train, validation, test, large"):
        sample_shots("extras")
    with pytest.raises(ValueError, match="train has 1 to 6999 vehicles, got 0"):
        sample_vehicles(0, "train", 0)
    with pytest.raises(ValueError, match="test has 1 to 399 vehicles, got 400"):
        sample_vehicles(0, "test", 400)
    with pytest.raises(ValueError, match="workers is 0"):
        write_synthetic("test", tmp_path, workers=0)


def _row(s: LabeledShot) -> tuple[str, ...]:
    v = s.shot.vehicle
    return s.file, str(v.number), str(s.shot.camera.number), v.color, v.type, s.split


@pytest.mark.integration
@pytest.mark.parametrize("split", ["test", "validation", "large"])
def test_color_and_type_do_not_identify(split: str) -> None:
    """An oracle that knows color and type, and guesses among the vehicles that share both."""
    rows = [_row(s) for s in shots_of(split)]
    names = sorted({row[3:5] for row in rows})
    classes = torch.tensor([names.index(row[3:5]) for row in rows])
    noise = torch.randn(len(rows), len(names), generator=torch.Generator().manual_seed(0))
    embedding = torch.eye(len(names))[classes] + 1e-3 * noise
    parts = {}
    for role in ("query", "gallery"):
        chosen = [i for i, row in enumerate(rows) if row[5] == role]
        numbers = torch.tensor([[int(rows[i][1]), int(rows[i][2])] for i in chosen])
        parts[role] = ReidImages(embedding[chosen], numbers[:, 0], numbers[:, 1])
    assert evaluate_reid(parts["query"], parts["gallery"]).mean_average_precision < 0.35
