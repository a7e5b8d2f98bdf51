"""The tracks of a split: which vehicle passes which camera, as labeled shots."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from semantic.data.synthetic import difficulty as d
from semantic.data.synthetic.cameras import (
    CAMERAS,
    TRAINING_CAMERAS,
    sample_cameras,
    sample_light,
    sample_variation,
)
from semantic.data.synthetic.populations import SPLITS, population_of
from semantic.data.synthetic.scene import Camera, Neighbor, Shot
from semantic.data.synthetic.vehicle import Vehicle, sample_vehicles
from semantic.suggest import nearest

_FRAMES = (1, 4)  # smallest and largest number of frames of a track
_FRAME_ODDS = (0.5, 0.3, 0.12, 0.08)
_NEIGHBOR_SHARE = 0.35  # share of the passages with another vehicle in the image
_EXTRA_SEED = 7919  # far from usual seeds, so that no extra is in a data set


@dataclass(frozen=True)
class LabeledShot:
    """A shot with its file and split.

    Attributes:
        file: Path of the image in the data set.
        split: "train", "query" or "gallery".
        shot: Shot.
    """

    file: str
    split: str
    shot: Shot


@dataclass(frozen=True)
class _Visit:
    """A passage of a vehicle: index of the camera, number of frames, and the frame of the query."""

    camera: int
    frames: int
    query: int


def sample_shots(split: str, seed: int = 0, vehicles: int | None = None) -> list[LabeledShot]:
    """Draws all shots of a split.

    Args:
        split: "train", or "validation", "test" or "large" for queries and gallery.
        seed: Seed of the data set.
        vehicles: Number of vehicles, by default all.

    Returns:
        The shots in the order of vehicle, camera and frame.

    Raises:
        ValueError: The split is unknown, or the seed or the number of vehicles is not possible.
    """
    if seed < 0:
        raise ValueError(f"seed is {seed}, must be at least 0")
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; {nearest(split, SPLITS)}")
    training = split == "train"
    cameras = sample_cameras(seed, TRAINING_CAMERAS if training else CAMERAS)
    extras = sample_vehicles(seed + _EXTRA_SEED, "extras")
    drawn = sample_vehicles(seed, split, vehicles)
    visits = _sample_visits(np.random.default_rng([seed, 4]), split, len(drawn))
    labeled = []
    for vehicle, seen in zip(drawn, visits, strict=True):
        rng = np.random.default_rng([seed, 4, vehicle.number])
        for visit in seen:
            track = _sample_track(rng, vehicle, cameras[visit.camera], extras, visit, training)
            start = int(rng.integers(500, 90000))
            place = f"{vehicle.number:04d}_c{visit.camera + 1:03d}"
            for n, shot in enumerate(track):
                role = "train" if training else "query" if n == visit.query else "gallery"
                name = f"images/{place}_{start + 5 * n:08d}_{n}.jpg"
                labeled.append(LabeledShot(name, role, shot))
    return labeled


def _sample_visits(rng: np.random.Generator, split: str, count: int) -> list[list[_Visit]]:
    """Draws the passages of all vehicles, with the split's numbers of images and queries."""
    population, _ = population_of(split, count)
    more = rng.negative_binomial(2, 2 / (2 + population.more_cameras), count)
    seen_by = np.clip(2 + more, 2, 18)
    pool = TRAINING_CAMERAS if split == "train" else CAMERAS
    cameras = [np.sort(rng.permutation(pool)[:n]) for n in seen_by]
    owner = np.repeat(np.arange(count), seen_by)
    asked = np.zeros(len(owner), dtype=bool)
    if population.queries:
        wanted = round(population.queries * count / population.count)
        asked = _sample_queries(rng, np.concatenate(cameras), owner, max(wanted, count))
    # A query is one frame more, so that the gallery keeps each passage.
    images = population.images * count / population.count - asked.sum()
    frames = _sample_frames(rng, len(owner), images) + asked
    query = np.where(asked, rng.integers(frames), -1)
    visits: list[list[_Visit]] = [[] for _ in range(count)]
    for i, camera in enumerate(np.concatenate(cameras)):
        visits[owner[i]].append(_Visit(int(camera), int(frames[i]), int(query[i])))
    return visits


def _sample_queries(
    rng: np.random.Generator, cameras: NDArray[np.int64], owner: NDArray[np.int64], wanted: int
) -> NDArray[np.bool_]:
    """Draws the passages with a query: one of each vehicle, then any, none of a far camera.

    A vehicle that far cameras alone see has its query there.
    """
    clear = ~np.isin(cameras + 1, d.FAR_CAMERAS)
    order = rng.permutation(len(owner))
    order = order[np.argsort(~clear[order], kind="stable")]
    _, one_each = np.unique(owner[order], return_index=True)
    asked = np.zeros(len(owner), dtype=bool)
    asked[order[one_each]] = True
    others = order[~asked[order] & clear[order]]
    asked[others[: wanted - len(one_each)]] = True
    return asked


def _sample_frames(rng: np.random.Generator, tracks: int, images: float) -> NDArray[np.int64]:
    """Draws the numbers of frames of all tracks, which add up to about `images`."""
    low, high = _FRAMES
    frames = rng.choice(np.arange(low, high + 1), tracks, p=_FRAME_ODDS)
    total = int(np.clip(round(images), low * tracks, high * tracks))
    while frames.sum() != total:
        step = int(np.sign(total - frames.sum()))
        free = np.flatnonzero(frames < high if step > 0 else frames > low)
        frames[rng.permutation(free)[: abs(total - int(frames.sum()))]] += step
    return frames


def _sample_track(
    rng: np.random.Generator,
    vehicle: Vehicle,
    camera: Camera,
    extras: list[Vehicle],
    visit: _Visit,
    training: bool,
) -> list[Shot]:
    """Draws the shots of a vehicle that drives along its lane past a camera."""
    heading = camera.headings[int(rng.integers(len(camera.headings)))]
    reach = min(5.0, 0.16 * camera.distance_m + 0.8)
    path = np.linspace(-reach, reach, visit.frames) * rng.uniform(0.5, 1.0) + rng.uniform(-1, 1)
    lean = rng.normal(0, 0.10 if training else 0.035)
    beside = rng.random() < _NEIGHBOR_SHARE
    first = Shot(
        vehicle=vehicle,
        camera=camera,
        light=sample_light(rng),
        response=sample_variation(rng, camera.response, training),
        x_m=0.0,
        y_m=float(-1.75 * heading + rng.uniform(-0.4, 0.4)),
        yaw_rad=float((0.0 if heading > 0 else np.pi) + lean),
        crop=(0.0, 0.0, 0.0, 0.0),
        native_px=0,
        blur_px=float(rng.choice([0.0, rng.uniform(1.0, 4.0)], p=[0.65, 0.35])),
        occluder_seed=-1,
        backdrop_seed=-1,
        neighbors=(_sample_neighbor(rng, extras, heading, camera),) if beside else (),
        seed=0,
    )
    far = camera.number in d.FAR_CAMERAS and not training
    size = float(np.exp(rng.uniform(*np.log(d.FAR_PX if far else camera.native_px))))
    return [_sample_shot(rng, first, float(x), heading, size, training) for x in path]


def _sample_shot(
    rng: np.random.Generator, first: Shot, x: float, heading: int, size: float, training: bool
) -> Shot:
    """Draws what differs from image to image of a track."""
    response = first.response
    if training:
        response = sample_variation(rng, first.camera.response, training)
    blocked = rng.random() < (d.TRAIN_OCCLUDED_SHARE if training else d.TEST_OCCLUDED_SHARE)
    backdrop = training and rng.random() < d.TRAIN_BACKDROP_SHARE
    return replace(
        first,
        response=response,
        x_m=heading * x,
        yaw_rad=float(first.yaw_rad + rng.normal(0, 0.015)),
        crop=_sample_margins(rng, training),
        native_px=int(np.clip(size * rng.uniform(0.92, 1.08), 20, 400)),
        occluder_seed=int(rng.integers(1 << 30)) if blocked else -1,
        backdrop_seed=int(rng.integers(1 << 30)) if backdrop else -1,
        neighbors=tuple(replace(n, x_m=n.x_m + 0.3 * x) for n in first.neighbors),
        seed=int(rng.integers(1 << 30)),
    )


def _sample_margins(rng: np.random.Generator, training: bool) -> tuple[float, float, float, float]:
    low, high = (-0.02, 0.09)
    if training:
        low, high = (-0.15, 0.05) if rng.random() < d.TRAIN_CUT_SHARE else (0.0, 0.18)
    left, right, below, above = (float(m) for m in rng.uniform(low, high, 4))
    return left, right, below, above


def _sample_neighbor(
    rng: np.random.Generator, extras: list[Vehicle], heading: int, camera: Camera
) -> Neighbor:
    """Draws another vehicle in the background, which does not hide the vehicle."""
    vehicle = extras[int(rng.integers(len(extras)))]
    camera_x, camera_y, _ = camera.position
    if camera_y * heading < 0 and rng.random() < 0.6:
        oncoming = np.pi if heading > 0 else 0.0
        return Neighbor(vehicle, float(rng.uniform(-5, 5)), 1.9 * heading, oncoming)
    gap = -float(np.sign(camera_x)) * (vehicle.proportions.length_m / 2 + rng.uniform(6.0, 8.0))
    return Neighbor(vehicle, gap, -1.75 * heading, 0.0 if heading > 0 else np.pi)
