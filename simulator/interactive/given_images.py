"""Images that a Python program gives: files, arrays, Pillow images, or numbers of a data set."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from semantic.data.dataset import UNKNOWN, ImageFile, VehicleImages
from semantic.data.images import load_images
from semantic.weights.stored import EncoderBundle
from simulator.arguments import Argument
from simulator.encoded_dataset import EncodedDataset, Features, Readable
from simulator.encoder_cache import image_hashes, known_outputs
from simulator.given_values import one_or_several, plain

#: An image: a file, uint8 [h, w, 3] or [h, w], a Pillow image, or the number of one in the data set.
ImageLike = str | Path | np.ndarray | Image.Image | int
#: Modes of Pillow images that a file keeps: its format.
KEPT_MODES = {
    **dict.fromkeys(("1", "L", "LA", "I;16", "P", "RGB", "RGBA"), "PNG"),
    **dict.fromkeys(("I;16B", "I", "F", "LAB"), "TIFF"),
}
#: Modes without a file, and those that they are converted to; all others become RGB.
CONVERTED = {"La": "LA", "PA": "RGBA", "RGBa": "RGBA"}


@dataclass(frozen=True)
class MemoryFile:
    """An encoded image in memory, in place of a file.

    Attributes:
        name: Its name in messages and results.
        data: The content of the file.
    """

    name: str
    data: bytes

    def read(self) -> bytes:
        """Returns the content."""
        return self.data


class GivenImages(EncodedDataset):
    """The given images behind the encoder of a link, which encodes them once.

    They carry numbers of their own, because an image's number decides which fading and noise it
    meets. The encoder's outputs are read from the cache, and not written to it.

    Args:
        images: The images.
        numbers: [images] int64, all different.
        encoder: The multi-task network and its config.
        device: Torch device of the encoder.

    Raises:
        ImageError: One line with the first image that cannot be read.
    """

    def __init__(
        self, images: VehicleImages, numbers: np.ndarray, encoder: EncoderBundle, device: str
    ) -> None:
        super().__init__(images, encoder, device, lambda what, done, total: None)
        self.numbers = numbers
        self._place = {int(number): i for i, number in enumerate(numbers)}
        self._pixels = load_images(images, self.image_size, "raise")[0]

    def pixels(self, index: np.ndarray) -> np.ndarray:
        """Returns images by number [rows]: uint8 [rows, size, size, 3], decoded and resized."""
        return self._pixels[[self._place[int(number)] for number in index]]

    def behind(self, encoder: EncoderBundle) -> EncodedDataset:
        """Returns the same images with another encoder, which sees each of them once."""
        key = "behind", repr(sorted(encoder.hashes.items())), encoder.precision
        return self.once(key, lambda: GivenImages(self.dataset, self.numbers, encoder, self.device))

    @cached_property
    def features(self) -> Features:
        """Encoder outputs; `kept` holds the numbers."""
        s = known_outputs(image_hashes(self.dataset), self.depends_on_encoder)
        if s is None:
            s = self.encode_pixels(self.pixels(self.numbers))
        return Features(s.to(self.device), self.numbers, ())

    @cached_property
    def readable(self) -> Readable:
        """All images, by their numbers: one that cannot be read has been refused."""
        return Readable(self.numbers, ())


def collect_images(
    given: Iterable[ImageLike], data: VehicleImages
) -> tuple[VehicleImages, list[int | None]]:
    """Returns given images as a set, and the numbers of those that come from a data set.

    Args:
        given: Images.
        data: The data set of the link, whose images may be given by number.

    Returns:
        (the images, unlabeled if they do not come from the data set; their numbers there or None).

    Raises:
        ValueError: One line, for what is no image.
    """
    found = [_source(one, i, data) for i, one in enumerate(given)]
    if not found:
        raise ValueError("no images were given")
    numbers = [source if isinstance(source, int) else None for source in found]

    def labels(column: np.ndarray, otherwise: Any) -> np.ndarray:
        values = [otherwise if n is None else column[n] for n in numbers]
        return np.array(values, column.dtype)

    images = VehicleImages(
        name="images",
        files=tuple(data.files[s] if isinstance(s, int) else s for s in found),  # type: ignore[misc]
        vehicle=labels(data.vehicle, UNKNOWN),
        camera=labels(data.camera, UNKNOWN),
        color=labels(data.color, UNKNOWN),
        type=labels(data.type, UNKNOWN),
        is_query=labels(data.is_query, False),
        colors=data.colors,
        types=data.types,
    )
    return images, numbers


def _source(image: Any, place: int, data: VehicleImages) -> int | ImageFile | MemoryFile:
    """Returns the number of an image in the data set, or its file on disk or in memory."""
    if isinstance(image, bool):
        raise ValueError(f"image {place} is {image}, {_ALLOWED}")
    if isinstance(image, (int, np.integer)):
        if not 0 <= image < len(data):
            raise ValueError(
                f"image {image} is not in {data.name}, its images are 0 to {len(data) - 1}"
            )
        return int(image)
    if isinstance(image, (str, Path)):
        try:
            path = Path(image).expanduser()
            known = path.is_file()
        except (OSError, ValueError, RuntimeError):  # too long, or the home of nobody
            known = False
        if not known:
            raise ValueError(f"image {str(image)!r:.200} is no file")
        return ImageFile(path.name, path)
    name = f"image {place}"
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or not (image.ndim == 2 or image.shape[2:] == (3,)):
            raise ValueError(
                f"{name} is an array {image.dtype} {list(image.shape)}, it must be uint8 [height, "
                "width, 3], or [height, width] for gray"
            )
        return _in_memory(name, Image.fromarray(image))
    if isinstance(image, Image.Image):
        return _in_memory(name, image)
    raise ValueError(f"{name} is a {type(image).__name__}, {_ALLOWED}")


_ALLOWED = (
    "it must be the path of a file, a uint8 array, a Pillow image, or the number of an image of the "
    "link's data set"
)


def _in_memory(name: str, image: Image.Image) -> MemoryFile:
    """Returns an upright image as a file without loss, so that it is read as the file would be.

    Raises:
        ValueError: One line, if it has no pixels, or Pillow cannot read them.
    """
    width, height = image.size
    if not width * height:
        raise ValueError(f"{name}: {width}x{height} pixels, it has none")
    file = io.BytesIO()
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode in CONVERTED:
            upright = upright.convert(CONVERTED[upright.mode])
        elif upright.mode not in KEPT_MODES:
            upright = upright.convert("RGB")
        kind = KEPT_MODES[upright.mode]
        upright.save(file, kind, **({"compress_level": 1} if kind == "PNG" else {}))
    except Exception as error:  # Pillow raises anything for a file that is cut off, or closed
        reason = " ".join(str(error).split())[:120]
        raise ValueError(f"{name} cannot be read: {reason}") from None
    return MemoryFile(name, file.getvalue())


def listed_images(images: Any) -> tuple[list[Any], bool]:
    """Returns (the images, whether several were given): a list, or an array [images, h, w, 3].

    >>> listed_images("car.jpg"), listed_images([3, 5]), listed_images(np.array([3, 5]))
    ((['car.jpg'], False), ([3, 5], True), ([3, 5], True))
    """
    images = plain(images)
    if isinstance(images, np.ndarray):
        of_numbers = images.ndim == 1 and np.issubdtype(images.dtype, np.integer)
        several = images.ndim == 4 or of_numbers or (images.ndim == 1 and images.dtype == object)
        return (
            (list(images.tolist() if of_numbers else images), True)
            if several
            else ([images], False)
        )
    one = isinstance(images, (str, bytes, Image.Image, Mapping)) or hasattr(images, "__array__")
    several = isinstance(images, Iterable) and not one and not isinstance(images, io.IOBase)
    return (list(images), True) if several else ([images], False)


#: The number of an image.
_NUMBER = Argument("the number of an image", int, None, least=0, most=2**63 - 1)


def choose_numbers(given: int | Iterable[int] | None, of_data: Sequence[int | None]) -> np.ndarray:
    """Returns the numbers of the images, which decide their fading and noise: [images] int64.

    Args:
        given: One for each image; None for those of the data set, and places in the list.
        of_data: Numbers in the data set; None for other images.

    Raises:
        ValueError: One line, if two images have the same number or their count is wrong.

    >>> choose_numbers(None, [None, None]), choose_numbers(7, [None])
    (array([0, 1]), array([7]))
    """
    if given is None:
        numbers = [place if n is None else n for place, n in enumerate(of_data)]
    else:
        numbers = [_NUMBER.check(number) for number in one_or_several(given)[0]]
    if len(numbers) != len(of_data):
        raise ValueError(f"{len(numbers)} numbers were given for {len(of_data)} images")
    if len({*numbers}) < len(numbers):
        twice = next(n for n in numbers if numbers.count(n) > 1)
        raise ValueError(
            f"two images have the number {twice}; give numbers=[...], one for each image"
        )
    return np.array(numbers, np.int64)
