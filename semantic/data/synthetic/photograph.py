"""The camera model: motion blur, resolution, noise and JPEG of a rendered frame."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semantic.data.synthetic.scene import Shot

IMAGE_PX = 128


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
        frame: RGB, (size, size, 3).
        shot: Shot; it gives native resolution, noise and JPEG quality.

    Returns:
        Image (128, 128, 3) before the final JPEG.
    """
    rng = np.random.default_rng([shot.seed, 7])
    native = min(shot.native_px, frame.shape[0])
    image = _resized(frame, native, Image.Resampling.BOX)
    noise = shot.camera.noise * (1.6 if shot.light.lamps else 1.0) * 255
    noisy = np.asarray(image, dtype=np.float32)
    noisy = noisy + noise * rng.standard_normal((native, native, 1), dtype=np.float32)
    noisy += 0.5 * noise * rng.standard_normal((native, native, 3), dtype=np.float32)
    image = Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=shot.camera.jpeg_quality)
    how = Image.Resampling.BICUBIC if native < IMAGE_PX else Image.Resampling.BOX
    with Image.open(buffer) as received:
        return np.asarray(received.resize((IMAGE_PX, IMAGE_PX), how))


def shrunk_mask(alpha: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Returns the vehicle's mask (128, 128): True where the vehicle covers part of the pixel."""
    whole = np.where(alpha > 0, np.uint8(255), np.uint8(0))
    return np.asarray(_resized(whole, IMAGE_PX, Image.Resampling.BOX)).astype(np.bool_)


def _resized(pixels: NDArray[np.uint8], size: int, how: Image.Resampling) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels)).resize((size, size), how)
