"""The tracks of a split: which vehicle passes which camera, as labeled shots."""

from dataclasses import dataclass, replace

import numpy as np

from semantic.data.synthetic.scene import (
    CAMERAS,
    LIGHT_SHARE,
    LIGHTS,
    Camera,
    Light,
    Neighbor,
    Shot,
    sample_cameras,
)
from semantic.data.synthetic.vehicle import Vehicle, sample_vehicles
from semantic.suggest import nearest

SPLITS = ("train", "test")
# Numbers of frames of a track, and their probabilities.
_FRAMES = {"train": ((4, 5, 6), (0.3, 0.4, 0.3)), "test": ((2, 3, 4), (0.25, 0.6, 0.15))}
# Mean number of cameras that see a vehicle, in addition to two. VeRi-776 has about six in all; the
# training split has fewer and more vehicles instead.
_MORE_CAMERAS = {"train": 1.6, "test": 4.0}
_QUERY_CAMERAS = 3.25  # mean number of cameras with a query of a test vehicle
_OCCLUDED = 0.15  # share of images with an object in front of the vehicle
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


def sample_shots(split: str, seed: int = 0, vehicles: int | None = None) -> list[LabeledShot]:
    """Draws all shots of a split.

    Args:
        split: "train", or "test" for queries and gallery.
        seed: Seed of the data set.
        vehicles: Number of vehicles, by default all.

    Returns:
        The shots in the order of vehicle, camera and frame.

    Raises:
        ValueError: The split is unknown, or the number of vehicles is not possible.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; {nearest(split, SPLITS)}")
    cameras = sample_cameras(seed)
    extras = sample_vehicles(seed + _EXTRA_SEED, "extras")
    labeled = []
    for vehicle in sample_vehicles(seed, split, vehicles):
        rng = np.random.default_rng([seed, 4, vehicle.number])
        seen_by = _sample_visits(rng, split)
        asked = _sample_queries(rng, split, len(seen_by))
        for i, number in enumerate(seen_by):
            frames = int(rng.choice(_FRAMES[split][0], p=_FRAMES[split][1]))
            track = _sample_track(rng, vehicle, cameras[number], extras, frames)
            start, query = int(rng.integers(500, 90000)), int(rng.integers(len(track)))
            for n, shot in enumerate(track):
                name = f"images/{vehicle.number:04d}_c{number + 1:03d}_{start + 5 * n:08d}_{n}.jpg"
                asked_now = asked[i] and n == query
                role = "query" if asked_now else "train" if split == "train" else "gallery"
                labeled.append(LabeledShot(name, role, shot))
    return labeled


def _sample_visits(rng: np.random.Generator, split: str) -> list[int]:
    """Draws the indices of the 2 to 18 cameras that see a vehicle."""
    more = rng.negative_binomial(2, 2 / (2 + _MORE_CAMERAS[split]))
    count = int(np.clip(2 + more, 2, 18))
    return sorted(int(c) for c in rng.permutation(CAMERAS)[:count])


def _sample_queries(rng: np.random.Generator, split: str, cameras: int) -> list[bool]:
    """Draws for each camera whether one image of the vehicle is a query; the others are gallery."""
    if split == "train":
        return [False] * cameras
    count = min(cameras, max(1, int(rng.poisson(_QUERY_CAMERAS * cameras / 6.0))))
    chosen = rng.permutation(cameras)[:count]
    return [i in chosen for i in range(cameras)]


def _sample_light(rng: np.random.Generator) -> Light:
    return LIGHTS[int(rng.choice(len(LIGHTS), p=np.array(LIGHT_SHARE) / sum(LIGHT_SHARE)))]


def _sample_track(
    rng: np.random.Generator, vehicle: Vehicle, camera: Camera, extras: list[Vehicle], count: int
) -> list[Shot]:
    """Draws the shots of a vehicle that drives along its lane past a camera."""
    heading = camera.headings[int(rng.integers(len(camera.headings)))]
    light = _sample_light(rng)
    reach = min(5.0, 0.16 * camera.distance_m + 0.8)
    path = np.linspace(-reach, reach, count) * rng.uniform(0.5, 1.0) + rng.uniform(-1.0, 1.0)
    y = -1.75 * heading + rng.uniform(-0.4, 0.4)
    lean = rng.normal(0, 0.035)
    speed_blur = rng.choice([0.0, rng.uniform(1.0, 4.0)], p=[0.6, 0.4])
    others = [_sample_neighbor(rng, extras, heading, camera)] if rng.random() < 0.25 else []
    size = np.exp(rng.uniform(*np.log(camera.native_px)))
    shots = []
    for x in path:
        blocked = rng.random() < _OCCLUDED
        shots.append(
            Shot(
                vehicle=vehicle,
                camera=camera,
                light=light,
                x_m=float(heading * x),
                y_m=float(y),
                yaw_rad=float((0.0 if heading > 0 else np.pi) + lean + rng.normal(0, 0.015)),
                crop=_sample_margins(rng),
                native_px=int(np.clip(size * rng.uniform(0.92, 1.08), 60, 400)),
                blur_px=float(speed_blur),
                occluder_seed=int(rng.integers(1 << 30)) if blocked else -1,
                neighbors=tuple(replace(n, x_m=n.x_m + 0.3 * float(x)) for n in others),
                seed=int(rng.integers(1 << 30)),
            )
        )
    return shots


def _sample_margins(rng: np.random.Generator) -> tuple[float, float, float, float]:
    left, right, below, above = (float(m) for m in rng.uniform(0.0, 0.09, 4))
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
