"""The camera model: blur, color, weather, resolution, noise and JPEG of a rendered frame."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from semantic.data.synthetic.scene import Response, Shot

IMAGE_PX = 128
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # of ITU-R BT.601


def smeared(
    frame: NDArray[np.uint8], shot: Shot, direction: tuple[float, float]
) -> NDArray[np.uint8]:
    """Adds motion blur to the vehicle, not to the street.

    Args:
        frame: RGB and the vehicle's mask, (size, size, 4).
        shot: Shot; it gives the length of the blur.
        direction: Unit vector of the vehicle's motion in the image.

    Returns:
        The blurred frame; the mask is the vehicle's share of each pixel.
    """
    if shot.blur_px <= 0:
        return frame
    length = shot.blur_px * frame.shape[0] / IMAGE_PX
    image = frame.astype(np.float32)
    taps = int(np.ceil(length)) + 1
    total = np.zeros_like(image)
    for t in np.linspace(-length / 2, length / 2, taps):
        total += np.roll(image, (round(t * direction[1]), round(t * direction[0])), (0, 1))
    total /= taps
    alpha = total[..., 3:] / 255
    total[..., :3] = image[..., :3] * (1 - alpha) + total[..., :3] * alpha
    return total.astype(np.uint8)


def photograph(frame: NDArray[np.uint8], shot: Shot) -> NDArray[np.uint8]:
    """Turns a rendered frame into the camera's crop.

    Args:
        frame: RGB and the vehicle's mask, (size, size, 4).
        shot: Shot; it gives light, response and native resolution.

    Returns:
        Image (128, 128, 3) before the final JPEG.
    """
    rng = np.random.default_rng([shot.seed, 7])
    if shot.backdrop_seed >= 0:
        frame = _with_backdrop(frame, shot.backdrop_seed)
    native = min(shot.native_px, frame.shape[0])
    image = _resized(frame[..., :3], native, Image.Resampling.BOX)
    if shot.light.lamps:
        image = _with_bloom(image)
    blur = shot.response.blur_px * native / IMAGE_PX
    image = image.filter(ImageFilter.GaussianBlur(blur))
    level: NDArray[np.float32] = np.asarray(image, dtype=np.float32) / np.float32(255)
    level = _developed(_weathered(rng, level, shot), shot.response)
    level = level + _noise(rng, level, shot)
    image = Image.fromarray((np.clip(level, 0, 1) * 255 + 0.5).astype(np.uint8))
    if shot.response.sharpening > 0:
        percent = int(100 * shot.response.sharpening)
        image = image.filter(ImageFilter.UnsharpMask(1.2, percent, 2))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=shot.response.jpeg_quality)
    how = Image.Resampling.BICUBIC if native < IMAGE_PX else Image.Resampling.BOX
    with Image.open(buffer) as received:
        return np.asarray(received.resize((IMAGE_PX, IMAGE_PX), how))


def _with_bloom(image: Image.Image) -> Image.Image:
    """Adds the glow that bright lamps spread in a lens."""
    bright = image.point([max(0, 2 * (v - 190)) for v in range(256)] * 3)
    return ImageChops.add(image, bright.filter(ImageFilter.GaussianBlur(image.width / 22)))


def _weathered(
    rng: np.random.Generator, level: NDArray[np.float32], shot: Shot
) -> NDArray[np.float32]:
    """Adds stray light, and streaks of rain."""
    light, size = shot.light, level.shape[0]
    if light.veil > 0:
        veil = light.veil * (0.6 + 0.8 * rng.random())
        tint = np.array(light.horizon, dtype=np.float32) / max(light.horizon)
        ramp = np.linspace(1.4, 0.6, size, dtype=np.float32)[:, None, None]
        level = level + (1 - level) * (veil * ramp * tint).astype(np.float32)
    if light.wet < 1.0:
        return level
    streaks = np.zeros((size, size), dtype=np.float32)
    for _ in range(int(rng.integers(12, 40))):
        y, x, long = rng.integers(size), rng.integers(size), int(rng.integers(4, 14))
        streaks[y : y + long, x] += 0.10 * rng.random()
    return level + streaks[..., None] * (1 - level)


def _developed(level: NDArray[np.float32], response: Response) -> NDArray[np.float32]:
    """Applies hue, saturation, contrast and vignette to gamma-encoded levels."""
    turn = np.radians(response.hue_deg)
    c, s = np.cos(turn), np.sin(turn) / np.sqrt(3)
    a = (1 - c) / 3  # rotation about the gray axis (Rodrigues)
    matrix = np.array([[c + a, a - s, a + s], [a + s, c + a, a - s], [a - s, a + s, c + a]])
    gray = np.outer(np.ones(3), _LUMA)
    matrix = (gray + response.saturation * (np.eye(3) - gray)) @ matrix
    level = level @ matrix.T.astype(np.float32)
    level = 0.45 + np.float32(response.contrast) * (level - 0.45)
    axis = np.linspace(-1, 1, level.shape[0], dtype=np.float32)
    corner = (axis[:, None] ** 2 + axis**2) / 2
    return np.asarray(level * (1 - response.vignette * corner[..., None]), dtype=np.float32)


def _noise(rng: np.random.Generator, level: NDArray[np.float32], shot: Shot) -> NDArray[np.float32]:
    """Draws noise: fine in brightness, coarse in color, and stronger in the shadows."""
    size = level.shape[0]
    sigma = shot.response.noise * shot.light.noise
    fine = rng.standard_normal((size, size, 1), dtype=np.float32)
    few = -(-size // 3)
    coarse = rng.standard_normal((few, few, 3), dtype=np.float32).repeat(3, 0).repeat(3, 1)
    shade = 1.25 - 0.6 * np.clip(level.mean(-1, keepdims=True), 0, 1)
    return np.asarray(sigma * shade * (fine + 0.45 * coarse[:size, :size]), dtype=np.float32)


def _with_backdrop(frame: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Replaces the street by random colors at several scales."""
    rng = np.random.default_rng([seed, 9])
    size = frame.shape[0]
    backdrop = np.zeros((size, size, 3), dtype=np.float32)
    for cells in (2, 5, 12, 40):
        spots = rng.random((cells, cells, 3), dtype=np.float32)
        gray = spots.mean(-1, keepdims=True)
        spots = gray + float(rng.uniform(0, 0.5)) * (spots - gray)
        scaled = Image.fromarray((255 * spots).astype(np.uint8)).resize((size, size))
        backdrop += rng.uniform(0.2, 1.0) * np.asarray(scaled, dtype=np.float32)
    backdrop *= rng.uniform(100, 220) / max(float(np.quantile(backdrop, 0.9)), 1.0)
    alpha = frame[..., 3:].astype(np.float32) / 255
    mixed = frame[..., :3] * alpha + np.clip(backdrop, 0, 255) * (1 - alpha)
    return np.concatenate([mixed.astype(np.uint8), frame[..., 3:]], -1)


def shrunk_mask(alpha: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Returns the vehicle's mask (128, 128): True where the vehicle covers part of the pixel."""
    whole = np.where(alpha > 0, np.uint8(255), np.uint8(0))
    return np.asarray(_resized(whole, IMAGE_PX, Image.Resampling.BOX)).astype(np.bool_)


def _resized(pixels: NDArray[np.uint8], size: int, how: Image.Resampling) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels)).resize((size, size), how)
