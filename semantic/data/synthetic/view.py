"""The matrices of a shot: model, view and projection."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semantic.data.synthetic.scene import Shot

Matrix = NDArray[np.float64]
_SUN_M = 30.0  # distance of the shadow map's camera
# Bounds of a crop's width over its height; a wider or taller outline gets more surroundings.
_ASPECT = (0.85, 1.45)


@dataclass(frozen=True)
class View:
    """Matrices of a shot, (4, 4) each, and directions.

    Attributes:
        model: Vehicle axes to world axes.
        view_projection: World axes to clip space of the camera.
        light_projection: World axes to clip space of the shadow map.
        sun_direction: Unit vector to the sun in world axes, (3,).
        blur_direction: Unit vector of the vehicle's motion in the image.
    """

    model: Matrix
    view_projection: Matrix
    light_projection: Matrix
    sun_direction: NDArray[np.float64]
    blur_direction: tuple[float, float]


def placed(x_m: float, y_m: float, yaw_rad: float) -> Matrix:
    """Returns the model matrix of a vehicle on the road."""
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([[c, -s, 0, x_m], [s, c, 0, y_m], [0, 0, 1, 0], [0, 0, 0, 1]])


def look_at(eye: NDArray[np.float64], target: NDArray[np.float64]) -> Matrix:
    """Returns the view matrix of a camera at `eye` that looks at `target`; z is up."""
    back = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross([0.0, 0.0, 1.0] if abs(back[2]) < 0.999 else [0.0, 1.0, 0.0], back)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(back, right), back])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes, -axes @ eye
    return matrix


def _crop(
    points: Matrix, margins: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """Returns left, right, lower and upper tangents of the crop, with a bounded aspect ratio."""
    tangents = points[:, :2] / -points[:, 2:3]
    (x0, y0), (x1, y1) = tangents.min(0), tangents.max(0)
    w, h = x1 - x0, y1 - y0
    x0, x1 = x0 - margins[0] * w, x1 + margins[1] * w
    y0, y1 = y0 - margins[2] * h, y1 + margins[3] * h
    w, h = x1 - x0, y1 - y0
    more_h, more_w = max(0.0, w / _ASPECT[1] - h) / 2, max(0.0, _ASPECT[0] * h - w) / 2
    return x0 - more_w, x1 + more_w, y0 - more_h, y1 + more_h


def _frustum(crop: tuple[float, float, float, float], near: float, far: float) -> Matrix:
    left, right, below, above = (near * c for c in crop)
    return np.array(
        [
            [2 * near / (right - left), 0, (right + left) / (right - left), 0],
            [0, 2 * near / (above - below), (above + below) / (above - below), 0],
            [0, 0, -(far + near) / (far - near), -2 * far * near / (far - near)],
            [0, 0, -1, 0],
        ]
    )


def _sunlight(shot: Shot, center: NDArray[np.float64]) -> tuple[Matrix, NDArray[np.float64]]:
    """Returns the orthographic projection along the sun's rays, and the direction to the sun."""
    up = np.radians(shot.light.elevation_deg)
    base = shot.camera.azimuth_deg + 180 if shot.light.facing else shot.camera.sun_turn_deg
    around = np.radians(shot.light.azimuth_deg + base)
    sun = np.array([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)])
    p = shot.vehicle.proportions
    radius = 0.5 * float(np.linalg.norm([p.length_m, p.width_m, p.height_m])) + 1.2
    view = look_at(center + _SUN_M * sun, center)
    view[2, 3] += _SUN_M
    return np.diag([1 / radius, 1 / radius, -1 / _SUN_M, 1.0]) @ view, sun


def view_of(shot: Shot, vertices: NDArray[np.float32]) -> View:
    """Returns the matrices of a shot whose vehicle has the given vertices."""
    model = placed(shot.x_m, shot.y_m, shot.yaw_rad)
    center = np.array([shot.x_m, shot.y_m, 0.45 * shot.vehicle.proportions.height_m])
    eye = shot.camera.position
    view = look_at(eye, center)
    some = vertices[::2, :3]  # corners are shared, so every other vertex spans the outline
    rows = np.concatenate([some, np.ones((len(some), 1))], 1) @ (view @ model).T
    crop = _crop(rows[:, :3], shot.crop)
    distance = float(np.linalg.norm(eye - center))
    projection = _frustum(crop, 0.3 * distance, distance + 250.0)
    light, sun = _sunlight(shot, center)
    x, y, z = center
    ends = np.array([[x, y, z, 1], [x + 1.0, y, z, 1]]) @ (projection @ view).T
    step = ends[1, :2] / ends[1, 3] - ends[0, :2] / ends[0, 3]
    step = step / max(float(np.linalg.norm(step)), 1e-9)
    return View(model, projection @ view, light, sun, (float(step[0]), float(-step[1])))
