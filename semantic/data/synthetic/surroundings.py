"""The surroundings of a vehicle: a camera's street, and the objects in front of the vehicle."""

import numpy as np
from numpy.typing import NDArray

from semantic.data.synthetic.mesh import BARK, CONCRETE, FACADE, FOLIAGE, GROUND, Mesh
from semantic.data.synthetic.scene import Camera


def road_half_m(camera: Camera) -> float:
    """Returns half the width of a camera's road in meters: one or two lanes each way."""
    return 7.0 if camera.ground[3] > 0.55 else 3.9


def street_vertices(camera: Camera) -> NDArray[np.float32]:
    """Returns the vertices of a camera's street in world axes, the same for every vehicle."""
    rng = np.random.default_rng([camera.place_seed, 5])
    mesh, half = Mesh(), road_half_m(camera)
    reach = 160.0
    mesh.quad(
        [(-reach, -reach, 0), (reach, -reach, 0), (reach, reach, 0), (-reach, reach, 0)],
        GROUND,
        (0, 0, 1),
    )
    for side in (-1, 1):
        y0, y1 = sorted((side * half, side * (half + 0.18)))
        mesh.box((-80, y0, 0.0), (80, y1, 0.14), CONCRETE)
    ahead = -camera.position[:2] / camera.distance_m
    across = np.array([-ahead[1], ahead[0]])
    for _ in range(34):
        away = rng.uniform(5, 48)
        at = away * ahead + rng.uniform(-0.55, 0.55) * (away + 6) * across
        # Only beyond the road, where objects do not hide the lanes from the camera.
        if abs(at[1]) < half + 1.6 or at @ ahead < 4.0:
            continue
        _place(mesh, rng, at, half)
    return mesh.vertices()


def _place(mesh: Mesh, rng: np.random.Generator, at: NDArray[np.float64], half: float) -> None:
    x, y = at
    kind = rng.random()
    if kind < 0.42:
        height = rng.uniform(2.6, 4.5)
        mesh.box((x - 0.13, y - 0.13, 0), (x + 0.13, y + 0.13, height), BARK)
        mesh.blob(rng, (x, y, height + 0.6), rng.uniform(1.2, 2.2), FOLIAGE)
    elif kind < 0.62:
        mesh.blob(rng, (x, y, 0.3), rng.uniform(0.5, 1.1), FOLIAGE)
    elif kind < 0.72:
        mesh.box((x - 0.08, y - 0.08, 0), (x + 0.08, y + 0.08, 6.0), CONCRETE)
    elif kind < 0.80:
        mesh.box((x - 5, y - 0.06, 0.3), (x + 5, y + 0.06, 1.0), CONCRETE)
    elif abs(y) > half + 6:
        wide, deep, high = rng.uniform(4, 9), rng.uniform(3, 5), rng.uniform(5, 12)
        y0, y1 = sorted((y, y + np.sign(y) * deep))
        mesh.box((x - wide, y0, 0), (x + wide, y1, high), FACADE)


def occluder_triangles(seed: int) -> NDArray[np.float32]:
    """Draws flat triangles in front of the scene: a pole, leaves, a hedge or a pair of cables.

    Args:
        seed: Seed of the objects; they do not depend on the vehicle.

    Returns:
        Rows (x, y, r, g, b), with x and y in [-1, 1] across the image.
    """
    rng = np.random.default_rng([seed, 6])
    kind = rng.choice(["pole", "leaves", "hedge", "cables"], p=[0.3, 0.4, 0.15, 0.15])
    if kind == "pole":
        x, lean, half = rng.uniform(-0.7, 0.7), rng.uniform(-0.08, 0.08), rng.uniform(0.03, 0.07)
        gray = rng.uniform(0.08, 0.4)
        left, right = np.array([gray] * 3) * 0.6, np.array([gray] * 3)
        return _bar((x, -1.1), (x + lean, 1.1), half, left, right)
    if kind == "cables":
        black, heights = np.full(3, 0.03), rng.uniform(-0.3, 0.9, 2)
        ends = [((-1.1, y), (1.1, y + rng.uniform(-0.4, 0.4))) for y in heights]
        return np.concatenate([_bar(*end, 0.012, black, black) for end in ends])
    if kind == "hedge":
        y = -1.05 + 0.16 * rng.random(90) + rng.uniform(0, 0.1)
        return _leaves(rng, np.stack([np.linspace(-1.1, 1.1, 90), y], -1), 0.10)
    corner = rng.choice([-1.0, 1.0], 2) * rng.uniform(0.7, 1.0, 2)
    return _leaves(rng, corner + 0.24 * rng.standard_normal((70, 2)), 0.085)


def _bar(
    low: tuple[float, float],
    high: tuple[float, float],
    half: float,
    left: NDArray[np.float64],
    right: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Returns a straight bar with a color gradient from its left to its right edge."""
    a, b = np.asarray(low), np.asarray(high)
    side = np.array([-(b - a)[1], (b - a)[0]])
    side *= half / np.linalg.norm(side)
    corners = [(a + side, left), (a - side, right), (b - side, right), (b + side, left)]
    rows = [np.concatenate(corners[i]) for i in (0, 1, 2, 0, 2, 3)]
    return np.array(rows, dtype=np.float32)


def _leaves(
    rng: np.random.Generator, centers: NDArray[np.float64], size: float
) -> NDArray[np.float32]:
    n = len(centers)
    turn = rng.uniform(0, 2 * np.pi, (n, 1)) + np.array([0.0, 2.0, 4.2])
    reach = size * rng.uniform(0.6, 1.3, (n, 1, 1))
    corners = centers[:, None] + reach * np.stack([np.cos(turn), np.sin(turn)], -1)
    green = np.array([0.06, 0.13, 0.03]) * rng.uniform(0.4, 1.7, (n, 1, 1)) * np.ones((1, 3, 1))
    return np.concatenate([corners, green], -1).reshape(-1, 5).astype(np.float32)
