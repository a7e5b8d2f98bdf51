"""The codec checker names the mistake of everything broken, and finds none in what is sound."""

import zlib
from typing import Any

import numpy as np
import pytest
import torch

from simulator import check_codec
from simulator.checks.report import Report
from simulator.source_codec import DamagedFile, SourceCodec

Size = tuple[int, int]


class Levels(SourceCodec):
    """Rounded pixels in zlib: all that the contract asks for."""

    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        step = 100 - quality
        return bytes([step]) + zlib.compress((pixels // step).tobytes())

    def decode(self, data: bytes, size: Size) -> np.ndarray:
        try:
            levels = np.frombuffer(zlib.decompress(data[1:]), np.uint8).reshape(*size, 3)
        except ValueError as error:
            raise DamagedFile(error) from None
        except zlib.error as error:
            raise DamagedFile(error) from None
        step = data[0]
        return np.minimum(levels.astype(int) * step + step // 2, 255).astype(np.uint8)


class Text(Levels):
    def encode(self, pixels: np.ndarray, quality: int) -> Any:
        return str(super().encode(pixels, quality))


class Nothing(Levels):
    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        return b""


class Spoils(Levels):
    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        data = super().encode(pixels, quality)
        pixels[0, 0] = 0
        return data


class Floats(Levels):
    def decode(self, data: bytes, size: Size) -> np.ndarray:
        return super().decode(data, size).astype(np.float32)


class Turned(Levels):
    def decode(self, data: bytes, size: Size) -> np.ndarray:
        return super().decode(data, size).transpose(1, 0, 2)


class WorseIsLarger(Levels):
    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        return super().encode(pixels, 96 - quality)


class Blind(Levels):
    def decode(self, data: bytes, size: Size) -> np.ndarray:
        return super().decode(data, size)[::-1].copy() ^ np.uint8(255)


class Counts(Levels):
    """Numbers its files."""

    def __init__(self) -> None:
        self.files = 0

    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        self.files += 1
        return super().encode(pixels, quality) + bytes([self.files % 256])


class Remembers(Levels):
    """Shows something of the image before."""

    last = 0

    def decode(self, data: bytes, size: Size) -> np.ndarray:
        pixels = super().decode(data, size)
        pixels[0, 0, 0], self.last = self.last, int(pixels[1, 1, 1])
        return pixels


class Dithers(Levels):
    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        noise = torch.randint(0, 2, pixels.shape, dtype=torch.uint8).numpy()
        return super().encode(np.minimum(pixels, 254) + noise, quality)


class Raises(Levels):
    def decode(self, data: bytes, size: Size) -> np.ndarray:
        levels = np.frombuffer(zlib.decompress(data[1:]), np.uint8).reshape(*size, 3)
        return levels * np.uint8(data[0])


class Short(Levels):
    """An image of as many rows as arrived."""

    def decode(self, data: bytes, size: Size) -> np.ndarray:
        try:
            return super().decode(data, size)
        except DamagedFile:
            return np.zeros((len(data) % 7, size[1], 3), np.uint8)


class Restless(Levels):
    """Fills in what is missing with whatever comes to mind."""

    def __init__(self) -> None:
        self.calls = 0

    def decode(self, data: bytes, size: Size) -> np.ndarray:
        self.calls += 1
        try:
            return super().decode(data, size)
        except DamagedFile:
            return np.full((*size, 3), self.calls % 256, np.uint8)


WRONG: list[tuple[type[SourceCodec], str, str]] = [
    (Text, "encode: file", "gave a str, it must be bytes at quality 1 of [32, 32, 3]"),
    (Nothing, "encode: file", "gave an empty file"),
    (Spoils, "pixels", "written to at quality 1"),
    (Floats, "decode: image", "gave float32 [32, 32, 3], it must be uint8 [32, 32, 3]"),
    (Turned, "decode: image", "gave uint8 [56, 40, 3], it must be uint8 [40, 56, 3]"),
    (WorseIsLarger, "bytes", ", "),
    (WorseIsLarger, "mean squared error", ", "),
    (Blind, "file of the highest quality", "."),
    (Counts, "image encoded twice", "other bytes for [32, 32, 3]"),
    (Remembers, "file decoded twice", "other pixels for"),
    (Dithers, "global generators", "torch used"),
    (Dithers, "image encoded twice", "other bytes"),
    (Raises, "damaged files", "error: Error -5"),
    (Short, "image of a damaged file", "it must be uint8 [32, 32, 3], nothing arrived"),
    (Restless, "damaged file decoded twice", "another result the second time, nothing arrived"),
]


@pytest.fixture(scope="module")
def reports() -> dict[type[SourceCodec], Report]:
    return {kind: check_codec(kind) for kind, _, _ in WRONG}


def test_what_is_right_passes() -> None:
    for codec in (Levels, Levels()):
        report = check_codec(codec)
        assert report.ok, str(report)
        assert report.subject == "test_check_codec:Levels"
        assert report.summary == "codec test_check_codec:Levels: 12 checks hold"


@pytest.mark.parametrize(("kind", "what", "found"), WRONG)
def test_a_broken_codec_is_told_what_is_wrong(
    kind: type[SourceCodec], what: str, found: str, reports: dict[type[SourceCodec], Report]
) -> None:
    failures = {finding.what: finding for finding in reports[kind].failures}
    assert what in failures, str(reports[kind])
    assert found in failures[what].found
    assert failures[what].expected


def test_one_mistake_is_one_failure(reports: dict[type[SourceCodec], Report]) -> None:
    for kind in (Counts, Remembers, Raises, Short, Restless):
        assert len(reports[kind].failures) == 1, str(reports[kind])


def test_the_checker_says_the_same_again() -> None:
    assert check_codec("webp") == check_codec("webp")


def test_what_is_no_codec_and_what_cannot_be_made() -> None:
    with pytest.raises(
        ValueError, match=r"'zlib:compressobj' is a builtin_function_or_method, it must"
    ):
        check_codec("zlib:compressobj")
    with pytest.raises(ValueError, match="unknown codec 'wepb': nearest: 'webp'"):
        check_codec("wepb")
