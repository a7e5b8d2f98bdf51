"""Cameras, light and shots: the specification of an image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semantic.data.synthetic.vehicle import Vehicle

CAMERAS = 20


@dataclass(frozen=True)
class Camera:
    """A fixed camera beside a straight road along the world's x axis.

    Attributes:
        number: Number of the camera, from 1.
        height_m: Height above the road in meters.
        depression_deg: Angle of the target point below the horizon, in degrees.
        azimuth_deg: Direction from the target point to the camera, in degrees from the +x axis.
            Within 90 degrees of zero, vehicles that drive towards +x show their front.
        headings: Directions of traffic along x, +1 or -1.
        exposure: Factor on linear light.
        white_balance: Factors on linear red, green and blue.
        noise: Standard deviation of the noise, as a share of full scale.
        jpeg_quality: JPEG quality of the stream that the crop is cut from.
        native_px: Range of the crop size in pixels before it is resized.
        sun_turn_deg: Rotation of the sun's azimuth into the road's axes, in degrees.
        ground: Brightness of the asphalt; kinds of verge, marking and road, each in [0, 1].
        place_seed: Seed of the street.
    """

    number: int
    height_m: float
    depression_deg: float
    azimuth_deg: float
    headings: tuple[int, ...]
    exposure: float
    white_balance: tuple[float, float, float]
    noise: float
    jpeg_quality: int
    native_px: tuple[float, float]
    sun_turn_deg: float
    ground: tuple[float, float, float, float]
    place_seed: int

    @property
    def distance_m(self) -> float:
        """Ground distance to the target point in meters."""
        return self.height_m / float(np.tan(np.radians(self.depression_deg)))

    @property
    def position(self) -> NDArray[np.float64]:
        """Position in meters, (3,); the target point is the origin."""
        a = np.radians(self.azimuth_deg)
        return np.array([np.cos(a) * self.distance_m, np.sin(a) * self.distance_m, self.height_m])


@dataclass(frozen=True)
class Light:
    """Sun and sky of one time of day; colors are linear RGB.

    Attributes:
        name: Name of the light.
        elevation_deg: Elevation of the sun in degrees.
        azimuth_deg: Azimuth of the sun in degrees.
        sun: Color of the sunlight.
        sky: Color of the sky.
        horizon: Color of the horizon.
        softness: Width of the edge of shadows.
        lamps: 1 if headlights and tail lights are on, else 0.
    """

    name: str
    elevation_deg: float
    azimuth_deg: float
    sun: tuple[float, float, float]
    sky: tuple[float, float, float]
    horizon: tuple[float, float, float]
    softness: float
    lamps: float


@dataclass(frozen=True)
class Neighbor:
    """Another vehicle in the image.

    Attributes:
        vehicle: Vehicle.
        x_m: Position along the road in meters.
        y_m: Position across the road in meters.
        yaw_rad: Yaw in radians.
    """

    vehicle: Vehicle
    x_m: float
    y_m: float
    yaw_rad: float


@dataclass(frozen=True)
class Shot:
    """One image of one vehicle by one camera.

    Attributes:
        vehicle: Vehicle shown.
        camera: Camera.
        light: Light.
        x_m: Position of the vehicle along the road in meters.
        y_m: Position of the vehicle across the road in meters.
        yaw_rad: Yaw of the vehicle in radians.
        crop: Relative margins left, right, below and above the vehicle's outline.
        native_px: Size of the crop in pixels before it is resized.
        blur_px: Length of the motion blur along the road, in pixels of the final image.
        occluder_seed: Seed of the objects in front of the vehicle; -1 for none.
        neighbors: Other vehicles in the image.
        seed: Seed of the noise.
    """

    vehicle: Vehicle
    camera: Camera
    light: Light
    x_m: float
    y_m: float
    yaw_rad: float
    crop: tuple[float, float, float, float]
    native_px: int
    blur_px: float
    occluder_seed: int
    neighbors: tuple[Neighbor, ...]
    seed: int


def sample_cameras(seed: int) -> list[Camera]:
    """Draws the 20 cameras of a data set."""
    return [_sample_camera(np.random.default_rng([seed, 3, i]), i + 1) for i in range(CAMERAS)]


def _sample_camera(rng: np.random.Generator, number: int) -> Camera:
    side = 1 if number % 2 else -1
    front = rng.uniform(20, 58) if number % 5 else rng.uniform(60, 80)
    azimuth = front if number % 4 in (0, 1) else 180 - front
    both = number % 3 == 0
    blue = rng.uniform(-0.05, 0.05)
    sharp = rng.uniform(90, 260)
    return Camera(
        number=number,
        height_m=float(rng.uniform(4, 8)),
        depression_deg=float(rng.uniform(14, 35) if number % 4 else rng.uniform(10, 16)),
        azimuth_deg=float(side * azimuth),
        headings=(1, -1) if both else (1,),
        exposure=float(rng.uniform(0.88, 1.14)),
        white_balance=(float(1 - blue), float(1 + rng.uniform(-0.015, 0.015)), float(1 + blue)),
        noise=float(rng.uniform(0.003, 0.016)),
        jpeg_quality=int(rng.integers(68, 92)),
        native_px=(float(0.75 * sharp), float(1.5 * sharp)),
        sun_turn_deg=float(rng.uniform(0, 360)),
        ground=(
            float(rng.uniform(0.20, 0.42)),
            float(rng.uniform(0, 1)),
            float(rng.uniform(0, 1)),
            float(rng.uniform(0, 1)),
        ),
        place_seed=int(rng.integers(1 << 30)),
    )


# In the order of the fields. The values are those after the camera's exposure control; therefore
# night is not hundreds of times darker than day.
LIGHTS = (
    Light("morning", 24, 100, (1.50, 1.24, 0.94), (0.31, 0.37, 0.50), (0.85, 0.80, 0.72), 0.8, 0),
    Light("forenoon", 45, 140, (1.55, 1.44, 1.27), (0.29, 0.37, 0.51), (0.80, 0.86, 0.92), 0.6, 0),
    Light("noon", 66, 180, (1.50, 1.44, 1.33), (0.31, 0.37, 0.48), (0.78, 0.86, 0.95), 0.6, 0),
    Light("afternoon", 38, 235, (1.55, 1.37, 1.13), (0.29, 0.35, 0.48), (0.84, 0.84, 0.84), 0.7, 0),
    Light("evening", 17, 265, (1.50, 1.14, 0.78), (0.33, 0.36, 0.46), (0.95, 0.76, 0.55), 0.9, 0),
    Light("overcast", 60, 180, (0.30, 0.30, 0.30), (0.84, 0.86, 0.90), (0.85, 0.87, 0.90), 4.0, 0),
    Light("drizzle", 60, 120, (0.16, 0.16, 0.17), (0.72, 0.76, 0.82), (0.60, 0.63, 0.68), 4.0, 0),
    Light("dusk", 40, 300, (0.22, 0.20, 0.22), (0.52, 0.53, 0.64), (0.50, 0.42, 0.46), 3.0, 1),
    Light("night", 62, 60, (0.80, 0.70, 0.54), (0.17, 0.18, 0.24), (0.06, 0.06, 0.09), 1.5, 1),
)  # fmt: skip
LIGHT_SHARE = (0.13, 0.15, 0.15, 0.14, 0.08, 0.14, 0.08, 0.07, 0.06)
