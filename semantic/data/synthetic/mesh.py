"""Triangle meshes with normals, texture coordinates and materials."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Materials, numbered as in the fragment shaders.
PAINT, GLASS, TYRE, RIM, CABIN, PLATE, PLASTIC, LOAD, METAL, LAMP, MIRROR, REAR_GLASS = range(12)
FACADE, CONCRETE, FOLIAGE, BARK, GROUND = range(20, 25)

FLOATS_PER_VERTEX = 9


class Mesh:
    """A growing list of triangles.

    A vertex is a row (x, y, z, nx, ny, nz, u, v, material).
    """

    def __init__(self) -> None:
        self._parts: list[NDArray[np.float32]] = []

    def vertices(self) -> NDArray[np.float32]:
        """Returns all vertices, three rows per triangle: (3 triangles, 9)."""
        return np.concatenate(self._parts)

    def grid(
        self, points: NDArray[np.float64], material: float, outward: ArrayLike | None = None
    ) -> None:
        """Adds a smooth surface through a grid of points.

        Args:
            points: Points of the grid, (rows, columns, 3).
            material: Material of the surface.
            outward: Inner point from which the normals point away; by default the mean.
        """
        inside = points.reshape(-1, 3).mean(0) if outward is None else np.asarray(outward)
        normals = np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1))
        size = np.linalg.norm(normals, axis=-1, keepdims=True)
        normals = normals / np.maximum(size, 1e-9)
        flip = np.sign(((points - inside) * normals).sum(-1, keepdims=True).sum((0, 1)))
        normals = normals * np.where(flip == 0, 1, flip)
        rows, columns = points.shape[:2]
        uv = np.stack(np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows)), -1)
        cells = np.concatenate([points, normals, uv, np.full((rows, columns, 1), material)], -1)
        a, b, c, d = cells[:-1, :-1], cells[:-1, 1:], cells[1:, 1:], cells[1:, :-1]
        self._parts.append(
            np.stack([a, b, c, a, c, d], 2).reshape(-1, FLOATS_PER_VERTEX).astype(np.float32)
        )

    def quad(self, corners: ArrayLike, material: float, facing: ArrayLike) -> None:
        """Adds a flat quadrilateral.

        The corners have (u, v) = (-1, -1), (1, -1), (1, 1) and (-1, 1).

        Args:
            corners: Four points.
            material: Material of the surface.
            facing: Approximate direction of the normal.
        """
        p = np.asarray(corners, dtype=float)
        normal = np.cross(p[2] - p[0], p[3] - p[1])
        normal /= max(float(np.linalg.norm(normal)), 1e-9)
        normal *= 1.0 if normal @ np.asarray(facing, dtype=float) >= 0 else -1.0
        uv = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        rows = np.concatenate([p, np.tile(normal, (4, 1)), uv, np.full((4, 1), material)], 1)
        self._parts.append(rows[[0, 1, 2, 0, 2, 3]].astype(np.float32))

    def fan(self, ring: NDArray[np.float64], material: float, facing: ArrayLike) -> None:
        """Closes a convex ring of points (n, 3) with a flat face."""
        middle = ring.mean(0)
        n = len(ring)
        triangles = np.stack([np.tile(middle, (n, 1)), ring, np.roll(ring, -1, 0)], 1)
        same = [*np.asarray(facing, dtype=float), 0.0, 0.0, material]  # normal, u, v, material
        rows = np.concatenate([triangles.reshape(-1, 3), np.tile(same, (3 * n, 1))], 1)
        self._parts.append(rows.astype(np.float32))

    def box(self, low: ArrayLike, high: ArrayLike, material: float) -> None:
        """Adds a box between two opposite corners."""
        lo, hi = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
        for axis in range(3):
            one, two = (axis + 1) % 3, (axis + 2) % 3
            for end, sign in ((lo, -1.0), (hi, 1.0)):
                corners = np.empty((4, 3))
                corners[:, axis] = end[axis]
                corners[:, one] = [lo[one], hi[one], hi[one], lo[one]]
                corners[:, two] = [lo[two], lo[two], hi[two], hi[two]]
                self.quad(corners, material, sign * np.eye(3)[axis])

    def wheel(self, center: ArrayLike, radius: float, width: float, side: float) -> None:
        """Adds a wheel about the y axis; its rim faces the direction y * side."""
        c = np.asarray(center, dtype=float)
        angle = np.linspace(0, 2 * np.pi, 19)
        circle = np.stack([np.cos(angle), np.zeros_like(angle), np.sin(angle)], -1) * radius
        outer = c + circle + [0, side * width / 2, 0]
        inner = c + circle - [0, side * width / 2, 0]
        self.grid(np.stack([inner, outer]), TYRE, outward=c)
        x0, x1, z0, z1 = c[0] - radius, c[0] + radius, c[2] - radius, c[2] + radius
        y = c[1] + side * width / 2
        self.quad([(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)], RIM, (0, side, 0))

    def blob(
        self, rng: np.random.Generator, center: ArrayLike, radius: float, material: float
    ) -> None:
        """Adds an uneven ball."""
        polar, around = np.linspace(0, np.pi, 8), np.linspace(0, 2 * np.pi, 11)
        theta, phi = np.meshgrid(polar, around, indexing="ij")
        r = radius * (1 + 0.22 * rng.standard_normal(theta.shape))
        r[:, -1], r[0], r[-1] = r[:, 0], radius, radius
        x, y, z = np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)
        ball = np.stack([x, y, z], -1)
        self.grid(np.asarray(center) + ball * r[..., None], material, outward=center)
