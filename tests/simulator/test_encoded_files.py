"""Files of images: the same whatever was asked before, and nothing made twice."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from codecs_here import CODECS_HERE

from simulator.codecs.encoded_files import EncodedFiles
from simulator.codecs.image_codecs import LEAST_QUALITY, ImageCodec

LIMITS = (10, 500, 900, 901, 10**9)


def image(number: int) -> np.ndarray:
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:40, :40]
    waves = [127 + 60 * np.sin(x / a + y / b + number) for a, b in ((5, 9), (7, 4), (3, 11))]
    return (np.stack(waves, axis=2) + rng.integers(-20, 20, (40, 40, 3))).astype(np.uint8)


@pytest.mark.integration
@pytest.mark.parametrize("name", CODECS_HERE)
def test_as_if_each_were_encoded_alone(name: str) -> None:
    codec = ImageCodec(name)
    expected = {limit: codec.encode(image(3), limit, oversize=True) for limit in LIMITS}
    assert expected[10] == codec.save(image(3), LEAST_QUALITY)
    for order in list(permutations(LIMITS))[::17]:
        files = EncodedFiles(codec, image)
        assert {limit: files.file(3, limit) for limit in order} == expected


def test_nothing_is_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    saved: Counter[tuple[bytes, int]] = Counter()
    loaded: Counter[int] = Counter()
    save = ImageCodec.save

    def counting(self: ImageCodec, pixels: np.ndarray, quality: int) -> bytes:
        saved[pixels.tobytes(), quality] += 1
        return save(self, pixels, quality)

    def load(number: int) -> np.ndarray:
        loaded[number] += 1
        return image(number)

    monkeypatch.setattr(ImageCodec, "save", counting)
    files = EncodedFiles(ImageCodec(), load)
    for number in (0, 1):
        files.file(number, 900)
    assert len(saved) <= 2 * 12  # seven of the bisection, and those behind it that a dip may reach
    assert set(saved.values()) == {1}
    before = saved.total(), loaded.total()
    for number in (0, 1):
        files.file(number, 900)
    assert (saved.total(), loaded.total()) == before
    files.file(0, 901)  # sizes are known: the file itself and one more quality at most
    assert saved.total() <= before[0] + 2


def test_a_fixed_quality_is_one_file_for_all_limits() -> None:
    asked: list[int] = []

    def load(number: int) -> np.ndarray:
        asked.append(number)
        return image(number)

    files = EncodedFiles(ImageCodec("webp", 40), load)
    assert len({files.file(5, limit) for limit in LIMITS}) == 1
    assert asked == [5]
