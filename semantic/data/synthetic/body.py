"""The mesh of a vehicle, built from its proportions."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from semantic.data.synthetic.fittings import add_fittings, body_end_m
from semantic.data.synthetic.mesh import CABIN, GLASS, PAINT, REAR_GLASS, Mesh
from semantic.data.synthetic.proportions import Proportions
from semantic.data.synthetic.vehicle import Vehicle

# Half of a cross-section, from the middle of the floor to the middle of the top: (y, z) as fractions
# of half the width and of the height.
_SECTION = np.array(
    [(0, 0), (0.80, 0), (0.94, 0.06), (0.985, 0.25), (1.0, 0.45), (0.995, 0.65), (0.965, 0.85),
     (0.90, 0.95), (0.76, 0.995), (0.4, 1.01), (0, 1.015)]
)  # fmt: skip


def vehicle_vertices(vehicle: Vehicle) -> NDArray[np.float32]:
    """Returns the vertices of a vehicle in its own axes, see `Mesh.vertices`."""
    mesh, p = Mesh(), vehicle.proportions
    _lower_body(mesh, vehicle)
    _cabin(mesh, vehicle)
    for x, y in wheel_centers(p, vehicle.type):
        mesh.wheel((x, y, p.wheel_radius_m), p.wheel_radius_m, 0.24, float(np.sign(y)))
    add_fittings(mesh, vehicle)
    return mesh.vertices()


def wheel_centers(p: Proportions, kind: str) -> list[tuple[float, float]]:
    """Returns the positions (x, y) of the wheels in meters."""
    half, y = p.length_m / 2, p.width_m / 2 - 0.105
    axles = [half - p.front_overhang_m, -half + p.rear_overhang_m]
    if kind == "truck" and p.length_m > 6.8:
        axles.append(-half + p.rear_overhang_m - 2.1 * p.wheel_radius_m)
    return [(x, side * y) for x in axles for side in (-1, 1)]


def _profile(p: Proportions, kind: str) -> tuple[list[float], list[float]]:
    """Returns the height of the lower body's top edge along x, from the rear to the nose."""
    nose, rear = p.length_m / 2, body_end_m(p, kind)
    foot = nose - p.hood_m
    roof_end = foot - p.screen_run_m - p.cabin_m - p.rear_run_m
    if kind == "pickup":
        floor = 0.62 * p.belt_m
        xs = [rear, roof_end - 0.02, roof_end, foot, nose]
        return xs, [floor, floor, p.belt_m, p.belt_m, p.nose_m]
    deck = p.belt_m + 0.04
    xs = [rear, rear + 0.10, roof_end, foot, nose - 0.55 * p.hood_m, nose - 0.08, nose]
    hood_z = 0.25 * p.nose_m + 0.75 * p.belt_m
    zs = [deck - 0.14, deck - 0.03, deck, p.belt_m, hood_z, p.nose_m + 0.05, p.nose_m]
    if roof_end <= rear + 0.10:
        zs[0:3] = [p.belt_m - 0.04, p.belt_m, p.belt_m]
        xs[2] = rear + 0.12
    if p.hood_m < 0.3:
        zs[4:] = [p.belt_m, p.belt_m - 0.02, p.belt_m - 0.1]
    return xs, zs


def _lower_body(mesh: Mesh, vehicle: Vehicle) -> None:
    p, kind = vehicle.proportions, vehicle.type
    nose, rear = p.length_m / 2, body_end_m(p, kind)
    xs, zs = _profile(p, kind)
    ends = np.array([0.0, 0.03, 0.10, 0.22, 0.45])
    blunt = kind in ("bus", "truck", "van")
    inner = np.linspace(rear + 0.5, nose - 0.5, 10)
    x = np.sort(np.concatenate([rear + ends, inner, nose - ends, np.array(xs[1:-1])]))
    from_end = np.minimum(x - rear, nose - x)
    tight = [0.93, 0.97, 0.99, 1.0, 1.0] if blunt else [0.84, 0.90, 0.95, 0.98, 1.0]
    half_width = p.width_m / 2 * np.interp(from_end, ends, tight)
    raised = np.interp(from_end, [0, 0.10, 0.45], [0.10, 0.03, 0.0])
    bottom = p.clearance_m + raised
    top = np.interp(x, xs, zs)
    section = np.concatenate([_SECTION, _SECTION[-2::-1] * [-1, 1]])
    points = np.stack(
        [
            np.broadcast_to(x[:, None], (len(x), len(section))),
            half_width[:, None] * section[None, :, 0],
            bottom[:, None] + (top - bottom)[:, None] * section[None, :, 1],
        ],
        -1,
    )
    # Nose and tail lean back above the bumper and below it.
    high, low = np.maximum(section[:, 1] - 0.40, 0), np.maximum(0.25 - section[:, 1], 0)
    lean = (0.06 if blunt else 0.20) * high + 0.3 * low
    near_end = np.clip(1 - from_end / 0.45, 0, 1) * np.where(x > 0.5 * (nose + rear), 1.0, -0.6)
    points[..., 0] -= near_end[:, None] * lean
    mesh.grid(points, PAINT, outward=(0.5 * (nose + rear), 0, 0.5 * (p.clearance_m + p.belt_m)))
    mesh.fan(points[0], PAINT, (-1, 0, 0))
    mesh.fan(points[-1], PAINT, (1, 0, 0))


def _ring(x0: float, x1: float, half_width: float, z: float, radius: float) -> NDArray[np.float64]:
    """Returns a rectangle with rounded corners in the plane z."""
    points = []
    corners = [(x1, half_width), (x0, half_width), (x0, -half_width), (x1, -half_width)]
    for i, (cx, cy) in enumerate(corners):
        sx, sy = np.sign(cx - (x0 + x1) / 2), np.sign(cy)
        for a in np.linspace(i * np.pi / 2, (i + 1) * np.pi / 2, 4):
            x, y = cx - sx * radius + radius * np.cos(a), cy - sy * radius + radius * np.sin(a)
            points.append((x, y, z))
    return np.array([*points, points[0]])


def cabin_ends(p: Proportions) -> tuple[float, float, float, float]:
    """Returns x of the rear and front end of the cabin at the belt, then at the roof."""
    foot = p.length_m / 2 - p.hood_m
    roof_front = foot - p.screen_run_m
    roof_rear = roof_front - p.cabin_m
    return roof_rear - p.rear_run_m, foot, roof_rear, roof_front


def _cabin(mesh: Mesh, vehicle: Vehicle) -> None:
    p = vehicle.proportions
    rear_foot, foot, roof_rear, roof_front = cabin_ends(p)
    base_y, roof_y = 0.475 * p.width_m, 0.5 * p.width_m * p.roof_width
    base_z = p.belt_m - 0.03
    levels = [0.0, 0.3, 0.6, 0.90, 0.97, 1.0]
    pulled = [0.0, 0.0, 0.0, 0.0, 0.045, 0.13]
    rings = []
    for t, inset in zip(levels, pulled, strict=True):
        x0 = rear_foot + t * (roof_rear - rear_foot) + inset
        x1 = foot + t * (roof_front - foot) - inset
        y = base_y + t * (roof_y - base_y) - inset
        rings.append(_ring(x0, x1, y, base_z + t * (p.height_m - base_z), 0.10))
    points = np.array(rings)
    inside = (0.5 * (roof_front + roof_rear), 0, 0.5 * (base_z + p.height_m))
    mesh.grid(points, CABIN, outward=inside)
    mesh.fan(points[-1, :-1], CABIN, (0, 0, 1))
    _windows(mesh, vehicle, (rear_foot, foot, roof_rear, roof_front), (base_y, roof_y), base_z)


def _windows(
    mesh: Mesh,
    vehicle: Vehicle,
    x: tuple[float, float, float, float],
    y: tuple[float, float],
    base_z: float,
) -> None:
    """Adds window panes just outside the flat faces of the cabin.

    Args:
        mesh: Mesh to which the panes are added.
        vehicle: Vehicle.
        x: Rear and front end of the cabin at the belt, then at the roof.
        y: Half width of the cabin at the belt and at the roof.
        base_z: Height of the belt.
    """
    p, out = vehicle.proportions, 0.012

    def at(s: float, t: float, side: float) -> tuple[float, float, float]:
        x0, x1 = x[0] + t * (x[2] - x[0]), x[1] + t * (x[3] - x[1])
        half_y = y[0] + t * (y[1] - y[0]) + out
        return (x0 + s * (x1 - x0), side * half_y, base_z + t * (p.height_m - base_z))

    def end(s: float, t: float, u: float) -> tuple[float, float, float]:
        point = at(s, t, 1.0)
        return (point[0] + (out if s > 0.5 else -out), u * (point[1] - 0.10), point[2])

    low, high = (0.10, 0.86)
    screen = [end(1, low, -1), end(1, low, 1), end(1, high, 0.97), end(1, high, -0.97)]
    mesh.quad(screen, GLASS, (1, 0, 0.3))
    if vehicle.type != "truck":
        t0, t1, wide = (0.42, 0.84, 0.80) if vehicle.type == "van" else (low + 0.06, high, 0.92)
        back = [end(0, t0, -wide), end(0, t0, wide), end(0, t1, wide), end(0, t1, -wide)]
        mesh.quad(back, REAR_GLASS, (-1, 0, 0.3))
    ends = window_ends(vehicle)
    for side in (-1.0, 1.0):
        for s0, s1 in ends:
            pane = GLASS if s1 == ends[-1][1] else REAR_GLASS
            corners = [at(s0, low, side), at(s1, low, side), at(s1, high, side), at(s0, high, side)]
            mesh.quad(corners, pane, (0, side, 0.2))


def window_ends(vehicle: Vehicle) -> list[tuple[float, float]]:
    """Returns start and end of the side windows, as fractions of the cabin from its rear."""
    kind = vehicle.type
    if kind == "van":
        return [(0.70, 0.90)]
    if kind == "truck":
        return [(0.25, 0.86)]
    cuts = {
        "sedan": (0.10, 0.50, 0.90), "hatchback": (0.10, 0.48, 0.90), "pickup": (0.08, 0.50, 0.90),
        "suv": (0.05, 0.26, 0.58, 0.91), "estate": (0.06, 0.34, 0.63, 0.92),
        "mpv": (0.04, 0.36, 0.64, 0.88),
    }.get(kind, tuple(np.linspace(0.02, 0.98, vehicle.proportions.windows + 1)))  # fmt: skip
    gap = 0.006 if kind == "bus" else 0.014
    return [(a + gap, b - gap) for a, b in pairwise(cuts)]
