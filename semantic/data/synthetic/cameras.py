"""The cameras and the kinds of light, and their draws."""

from dataclasses import replace

import numpy as np

from semantic.data.synthetic import difficulty as d
from semantic.data.synthetic.scene import Camera, Light, Response

CAMERAS = 20
#: The training split has further cameras, with heights, angles and responses of a wider range.
TRAINING_CAMERAS = 160


def sample_cameras(seed: int, count: int = CAMERAS) -> list[Camera]:
    """Draws the cameras of a data set; the first 20 are the same for every count."""
    return [_sample_camera(np.random.default_rng([seed, 3, i]), i + 1) for i in range(count)]


def _sample_camera(rng: np.random.Generator, number: int) -> Camera:
    fixed = number <= CAMERAS
    # Four of five fixed cameras stand on one side of the road, as street cameras do.
    side = 1 if number % (5 if fixed else 2) else -1
    front = rng.uniform(20, 58) if number % 5 else rng.uniform(60, 80)
    azimuth = front if number % 4 in (0, 1) else 180 - front
    if not fixed:
        azimuth = rng.uniform(4, 176)
    depression = rng.uniform(14, 35) if number % 4 else rng.uniform(10, 16)
    height = rng.uniform(4, 8)
    if not fixed:
        distance = rng.uniform(10, 30)
        height = distance * np.tan(np.radians(rng.uniform(5, 38)))
        depression = np.degrees(np.arctan2(height, distance))
    sharp = rng.uniform(90, 240)
    return Camera(
        number=number,
        height_m=float(height),
        depression_deg=float(depression),
        azimuth_deg=float(side * azimuth),
        headings=(1, -1) if number % 3 == 0 else (1,),
        response=_sample_response(rng),
        native_px=(float(0.75 * sharp), float(1.5 * sharp)),
        sun_turn_deg=float(rng.uniform(0, 360)),
        ground=(
            float(rng.uniform(0.12, 0.36)),
            float(rng.uniform(0, 1)),
            float(rng.uniform(0, 1)),
            float(rng.uniform(0, 1)),
        ),
        trees=float(rng.uniform(0.5, 1.0)) if rng.random() < 0.35 else 0.0,
        place_seed=int(rng.integers(1 << 30)),
    )


def _sample_response(rng: np.random.Generator) -> Response:
    blue, green = rng.uniform(-1, 1, 2) * d.CAMERA_WHITE_BALANCE * np.array([1.0, 0.3])
    return Response(
        exposure=float(np.exp(rng.uniform(-d.CAMERA_EXPOSURE, d.CAMERA_EXPOSURE))),
        white_balance=(float(np.exp(-blue)), float(np.exp(green)), float(np.exp(blue))),
        saturation=float(1 + rng.uniform(-d.CAMERA_SATURATION, 0.5 * d.CAMERA_SATURATION)),
        contrast=float(1 + rng.uniform(-d.CAMERA_CONTRAST, d.CAMERA_CONTRAST)),
        hue_deg=float(rng.uniform(-2, 2)),
        blur_px=float(rng.uniform(0.2, d.CAMERA_BLUR_PX)),
        sharpening=float(rng.choice([0.0, rng.uniform(0.4, 1.2)])),
        noise=float(rng.uniform(0.004, 0.022)),
        vignette=float(rng.uniform(0.0, 0.2)),
        jpeg_quality=int(rng.integers(45, 92)),
    )


def sample_variation(rng: np.random.Generator, response: Response, training: bool) -> Response:
    """Draws the response during one passage: automatic exposure and white balance drift.

    Args:
        rng: Source of randomness.
        response: Response of the camera.
        training: Whether to draw a strong variation of every property instead.
    """
    strength = 1.0 if training else 0.25
    blue, green = rng.uniform(-1, 1, 2) * strength * d.TRAIN_WHITE_BALANCE * np.array([1.0, 0.4])
    balance = np.array(response.white_balance) * np.exp([-blue, green, blue])
    drift = rng.uniform(-d.TRAIN_EXPOSURE, d.TRAIN_EXPOSURE) * strength
    varied = replace(
        response,
        exposure=float(response.exposure * np.exp(drift)),
        white_balance=(float(balance[0]), float(balance[1]), float(balance[2])),
    )
    if not training:
        return varied
    return replace(
        varied,
        saturation=float(response.saturation * (1 + rng.uniform(-1, 0.8) * d.TRAIN_SATURATION)),
        contrast=float(response.contrast * (1 + rng.uniform(-1, 1) * d.TRAIN_CONTRAST)),
        hue_deg=float(rng.uniform(-d.TRAIN_HUE_DEG, d.TRAIN_HUE_DEG)),
        blur_px=float(rng.uniform(0.0, d.TRAIN_BLUR_PX)),
        sharpening=float(rng.choice([0.0, rng.uniform(0.3, 1.6)])),
        noise=float(np.exp(rng.uniform(np.log(0.002), np.log(0.03)))),
        vignette=float(rng.uniform(0.0, 0.3)),
        jpeg_quality=int(rng.integers(30, 96)),
    )


# In the order of the fields. The values are those after the camera's exposure control; therefore
# night is not hundreds of times darker than day.
LIGHTS = (
    Light("morning", 24, 100, (1.60, 1.28, 0.92), (0.26, 0.32, 0.45), (0.85, 0.80, 0.72), 0.9, 0),
    Light("forenoon", 45, 140, (1.70, 1.56, 1.36), (0.25, 0.32, 0.46), (0.80, 0.86, 0.92), 0.7, 0),
    Light("noon", 66, 180, (1.65, 1.56, 1.44), (0.26, 0.33, 0.46), (0.78, 0.86, 0.95), 0.7, 0),
    Light("afternoon", 38, 235, (1.70, 1.46, 1.14), (0.25, 0.31, 0.44), (0.84, 0.84, 0.84), 0.8, 0),
    Light("evening", 15, 265, (1.60, 1.12, 0.70), (0.30, 0.33, 0.44), (0.95, 0.76, 0.55), 1.0, 0),
    Light("overcast", 60, 180, (0.30, 0.30, 0.30), (0.84, 0.86, 0.90), (0.85, 0.87, 0.90), 4.0, 0),
    Light("drizzle", 60, 120, (0.16, 0.16, 0.17), (0.70, 0.74, 0.80), (0.60, 0.63, 0.68), 4.0, 0,
          wet=0.5, veil=0.04),
    Light("rain", 60, 120, (0.10, 0.10, 0.11), (0.58, 0.62, 0.68), (0.55, 0.58, 0.62), 4.0, 1,
          wet=1.0, veil=0.09, noise=1.4),
    Light("dusk", 40, 300, (0.20, 0.18, 0.21), (0.46, 0.47, 0.58), (0.50, 0.42, 0.46), 3.0, 1,
          noise=1.5),
    Light("night", 62, 60, (0.78, 0.66, 0.46), (0.10, 0.10, 0.14), (0.05, 0.05, 0.07), 1.5, 1,
          veil=0.02, noise=1.6),
    Light("backlight", 16, 18, (1.70, 1.40, 1.05), (0.27, 0.30, 0.38), (1.00, 0.92, 0.80), 0.9, 0,
          veil=0.09, facing=True),
)  # fmt: skip


def sample_light(rng: np.random.Generator) -> Light:
    """Draws the light of a passage, independent of the vehicle."""
    odds = np.array([d.LIGHT_ODDS[light.name] for light in LIGHTS])
    return LIGHTS[int(rng.choice(len(LIGHTS), p=odds / odds.sum()))]
