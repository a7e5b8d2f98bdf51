"""Source coding: sizes, qualities, and whatever a bad channel makes of a file."""

import sys

import numpy as np
import pytest
from codecs_here import CODECS_HERE

from semantic.data.images import decode
from semantic.data.opening import open_dataset
from simulator.codecs.image_codecs import FAILURE_POLICIES, GRAY, ImageCodec
from simulator.source_codec import SourceCodec

SIZE = (48, 64)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    waves = [127 + 100 * np.sin(x / a + y / b) for a, b in ((5, 9), (7, 4), (3, 11))]
    return np.stack(waves, axis=2).astype(np.uint8)


@pytest.mark.parametrize("name", CODECS_HERE)
def test_round_trip_gets_better_with_quality(name: str, image: np.ndarray) -> None:
    errors, sizes = [], []
    for quality in (5, 30, 90):
        codec = ImageCodec(name, quality)
        data = codec.encode(image, 0)
        back = codec.decode(data, SIZE).astype(float)
        errors.append(float(np.mean((back - image) ** 2)))
        sizes.append(len(data))
    assert errors[0] > errors[1] > errors[2]
    assert sizes[0] < sizes[1] < sizes[2]


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(
        ValueError, match=r"heic needs pillow-heif: pip install 'semharq-sim\[heic\]'"
    ):
        ImageCodec("heic")


@pytest.mark.parametrize("most_bytes", [700, 1200, 2500])
def test_fit_is_the_best_quality_that_fits(most_bytes: int, image: np.ndarray) -> None:
    data = ImageCodec("jpeg").encode(image, most_bytes)
    assert len(data) <= most_bytes
    sizes = [len(ImageCodec("jpeg", q).encode(image, 0)) for q in range(10, 96)]
    best = max(size for size in sizes if size <= most_bytes)
    assert len(data) == best


def test_fit_takes_more_slots_rather_than_less_than_the_least_quality(image: np.ndarray) -> None:
    assert ImageCodec("jpeg").encode(image, 10, oversize=True) == ImageCodec("jpeg", 10).encode(
        image, 0
    )
    with pytest.raises(
        ValueError, match=r"no file of at most 10 bytes; .* quality 10, the least, has"
    ):
        ImageCodec("jpeg").encode(image, 10)


@pytest.mark.parametrize("side", [32, 64])
@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_fit_is_as_good_as_trying_every_quality(name: str, side: int) -> None:
    """Sizes are not monotone: flat and dipping stretches are where a bisection stops short."""
    codec, dataset = ImageCodec(name), open_dataset("synthetic")
    for i in range(0, len(dataset), len(dataset) // 6):
        pixels = decode(dataset.read(i), str(i), side)
        sizes = {quality: len(codec.save(pixels, quality)) for quality in range(10, 96)}
        for most_bytes in sorted({size + d for size in sizes.values() for d in (-1, 0, 1)}):
            fitting = [quality for quality, size in sizes.items() if size <= most_bytes]
            assert codec.best_quality(sizes.__getitem__, most_bytes) == max(fitting, default=10)


@pytest.mark.integration
@pytest.mark.parametrize("name", CODECS_HERE)
def test_no_corruption_raises(name: str, image: np.ndarray) -> None:
    codec = ImageCodec(name, 40)
    whole = np.frombuffer(codec.encode(image, 0), np.uint8)
    rng = np.random.default_rng(0)
    for trial in range(1200):
        data = whole.copy()
        if trial % 3 == 0:  # the header is where a flipped bit does most
            data[rng.integers(0, min(80, len(data)), 2)] ^= np.uint8(1 << rng.integers(8))
        elif trial % 3 == 1:
            data[rng.integers(0, len(data), 1 + trial % 40)] = rng.integers(0, 256)
        cut = len(data) if trial % 2 else int(rng.integers(0, len(data)))
        for policy in FAILURE_POLICIES.values():
            back = policy(codec, data.tobytes(), 8 * cut, SIZE)
            assert back.shape == (*SIZE, 3)
            assert back.dtype == np.uint8


@pytest.mark.parametrize("name", CODECS_HERE)
def test_what_was_lost_is_lost(name: str, image: np.ndarray) -> None:
    """With a fifth of the file wrong, no policy gives the clean image."""
    codec = ImageCodec(name, 40)
    whole = np.frombuffer(codec.encode(image, 0), np.uint8)
    clean = codec.decode(whole.tobytes(), SIZE)
    rng = np.random.default_rng(1)
    for _ in range(300):
        good = int(rng.integers(0, len(whole) * 4 // 5))
        data = whole.copy()
        data[good:] = rng.integers(0, 256, len(whole) - good)
        for policy in FAILURE_POLICIES.values():
            back = policy(codec, data.tobytes(), 8 * good, SIZE)
            assert back.shape == clean.shape
            assert not np.array_equal(back, clean)


def test_a_cut_file_gives_the_rows_before_the_cut(image: np.ndarray) -> None:
    codec = ImageCodec("jpeg", 80)
    data = codec.encode(image, 0)
    whole = codec.decode(data, SIZE).astype(int)
    half = FAILURE_POLICIES["best-effort"](codec, data, 8 * (len(data) * 2 // 3), SIZE).astype(int)
    np.testing.assert_array_equal(half[:8], whole[:8])
    assert np.abs(half[-4:] - whole[-4:]).mean() > 20
    dropped = FAILURE_POLICIES["drop"](codec, data, 8 * len(data), SIZE)
    assert (dropped == GRAY).all()


def test_another_size_in_the_header_is_refused(image: np.ndarray) -> None:
    codec = ImageCodec("jpeg", 80)
    data = codec.encode(image, 0)
    assert (codec.decode(data, (64, 64)) == GRAY).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("jpg",), "nearest: 'jpeg'"), (("jpeg", 0), "1 to 95"), (("jpeg", 96), "1 to 95")],
)
def test_bad_input_is_one_line(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        ImageCodec(*arguments)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


class Changing(SourceCodec):
    """A codec whose results depend on how often it was called."""

    calls = 0

    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        Changing.calls += self.of_encode
        return pixels[::8, ::8].tobytes() + Changing.calls.to_bytes(4, "big")

    def decode(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        Changing.calls += self.of_decode
        return np.full((*size, 3), Changing.calls % 256, np.uint8)

    of_encode, of_decode = 0, 0


class Inverts(Changing):
    """Writes into the pixels, so that its second file is another one."""

    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        pixels[:] = 255 - pixels
        return pixels.tobytes()


class Encodes(Changing):
    of_encode = 1


class Decodes(Changing):
    of_decode = 1


def test_an_own_codec_that_writes_into_the_pixels_is_told_so(image: np.ndarray) -> None:
    before = image.copy()
    with pytest.raises(ValueError, match="Inverts: encode writes into its input pixels"):
        ImageCodec(f"{__name__}:Inverts", 50).encode(image, 0)
    assert np.array_equal(image, before)


def test_an_own_codec_that_changes_its_mind_is_refused(image: np.ndarray) -> None:
    """Each worker makes the files anew: the numbers would depend on the number of workers."""
    steady = ImageCodec(f"{__name__}:Changing", 50)
    assert steady.decode(steady.encode(image, 0), (64, 64)).shape == (64, 64, 3)
    for _ in range(2):  # of every file, not of the first one alone
        codec = ImageCodec(f"{__name__}:Encodes", 50)
        for _ in range(2):
            with pytest.raises(ValueError, match="encode gave two results for one input"):
                codec.encode(image, 0)
        with pytest.raises(ValueError, match="decode gave two results for one input"):
            ImageCodec(f"{__name__}:Decodes", 50).decode(b"1", (64, 64))
