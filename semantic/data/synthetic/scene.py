"""Cameras, light and shots: the specification of an image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semantic.data.synthetic.vehicle import Vehicle


@dataclass(frozen=True)
class Response:
    """How a camera turns linear light into an image.

    Attributes:
        exposure: Factor on linear light.
        white_balance: Factors on linear red, green and blue.
        saturation: Factor on the distance of a color from gray.
        contrast: Factor on the distance of a level from the middle.
        hue_deg: Turn of all hues in degrees.
        blur_px: Standard deviation of the lens blur, in pixels of the final image.
        sharpening: Strength of the camera's edge sharpening.
        noise: Standard deviation of the noise, as a share of full scale.
        vignette: Loss of light in the corners, in [0, 1].
        jpeg_quality: JPEG quality of the stream that the crop is cut from.
    """

    exposure: float
    white_balance: tuple[float, float, float]
    saturation: float
    contrast: float
    hue_deg: float
    blur_px: float
    sharpening: float
    noise: float
    vignette: float
    jpeg_quality: int


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
        response: From light to image.
        native_px: Range of the crop size in pixels before it is resized.
        sun_turn_deg: Rotation of the sun's azimuth into the road's axes, in degrees.
        ground: Brightness of the asphalt; kinds of verge, marking and road, each in [0, 1].
        trees: Strength of the shadows of trees, in [0, 1].
        place_seed: Seed of the street.
    """

    number: int
    height_m: float
    depression_deg: float
    azimuth_deg: float
    headings: tuple[int, ...]
    response: Response
    native_px: tuple[float, float]
    sun_turn_deg: float
    ground: tuple[float, float, float, float]
    trees: float
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
    """Sun, sky and weather of one time of day; colors are linear RGB.

    Attributes:
        name: Name of the light.
        elevation_deg: Elevation of the sun in degrees.
        azimuth_deg: Azimuth of the sun in degrees.
        sun: Color of the sunlight.
        sky: Color of the sky.
        horizon: Color of the horizon.
        softness: Width of the edge of shadows.
        lamps: 1 if headlights and tail lights are on, else 0.
        wet: Share of the road that is wet, in [0, 1].
        veil: Stray light in the lens, as a share of full scale.
        noise: Factor on the camera's noise.
        facing: Whether the sun stands opposite the camera, at `azimuth_deg` from the line of sight.
    """

    name: str
    elevation_deg: float
    azimuth_deg: float
    sun: tuple[float, float, float]
    sky: tuple[float, float, float]
    horizon: tuple[float, float, float]
    softness: float
    lamps: int
    wet: float = 0.0
    veil: float = 0.0
    noise: float = 1.0
    facing: bool = False


@dataclass(frozen=True)
class Neighbor:
    """Another vehicle in the image: its place and its yaw angle."""

    vehicle: Vehicle
    x_m: float
    y_m: float
    yaw_rad: float


@dataclass(frozen=True)
class Shot:
    """One image: a vehicle at a place in front of a camera.

    Attributes:
        vehicle: Vehicle.
        camera: Camera.
        light: Sun and sky.
        response: From light to image; that of the camera, or a variation of it.
        x_m: Place along the road in meters.
        y_m: Place across the road in meters.
        yaw_rad: Yaw angle in radians.
        crop: Relative margins left, right, below and above the vehicle's outline.
        native_px: Size of the crop in pixels before it is resized.
        blur_px: Length of the motion blur along the road, in pixels of the final image.
        occluder_seed: Seed of the objects in front of the vehicle; -1 for none.
        backdrop_seed: Seed of a random image instead of the street; -1 for the street.
        neighbors: Other vehicles in the image.
        seed: Seed of the noise.
    """

    vehicle: Vehicle
    camera: Camera
    light: Light
    response: Response
    x_m: float
    y_m: float
    yaw_rad: float
    crop: tuple[float, float, float, float]
    native_px: int
    blur_px: float
    occluder_seed: int
    backdrop_seed: int
    neighbors: tuple[Neighbor, ...]
    seed: int
