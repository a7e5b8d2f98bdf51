"""Conformance check of a source codec: the contract of `simulator.source_codec.SourceCodec`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from semantic.parts.errors import message
from simulator.catalog import CODECS, construct
from simulator.checks.part import open_part
from simulator.checks.report import Finding, GlobalGenerators, Report, gather, holds
from simulator.codecs.image_codecs import gray
from simulator.source_codec import (
    QUALITIES,
    DamagedFile,
    SourceCodec,
    file_problem,
    image_problem,
)

#: (h, w) of the trial images; not all are multiples of the block size of a codec.
SIZES = ((32, 32), (40, 56), (33, 17), (64, 48))
#: Qualities of the trial files, and qualities over which size and error must be monotonic.
TRIED, LADDER = (QUALITIES[0], 10, 50, QUALITIES[-1]), (10, 30, 50, 70, 90)
#: Number of damaged files per image.
TRIALS = 120


def check_codec(codec: SourceCodec | type[SourceCodec] | str) -> Report:
    """Checks everything that the conventional chain assumes about a source codec.

    The images and the damages are the same in every call, and so is the report.

    Args:
        codec: A codec, its class, a name of the catalog, or "package.module:Class".

    Returns:
        A report. Its `ok` is True if all checks hold; `print` shows the failed ones.

    Raises:
        ValueError: For an unknown name, in one line.

    Example:
        ```
        from simulator import check_codec

        print(check_codec("my_codec:Cosines"))
        ```
    """
    subject, made, files = open_part(
        codec,
        SourceCodec,  # type: ignore[type-abstract]
        lambda name: construct("codec", name, CODECS, {}),
    )
    if isinstance(made, Finding):
        return Report("codec", subject, (made,))
    rules = {
        "files": lambda: _files(made),
        "quality": lambda: _quality(made),
        "same bytes": lambda: _repeats(made),
        "damage": lambda: _damaged(made),
    }
    return gather("codec", subject, rules, files)


def images() -> list[np.ndarray]:
    """Returns trial images with waves, an edge and little noise: uint8 [h, w, 3] of each size."""
    rng = np.random.default_rng(0)
    made = []
    for number, (h, w) in enumerate(SIZES):
        y, x = np.mgrid[:h, :w]
        waves = [127 + 70 * np.sin(x / a + y / b + number) for a, b in ((5, 9), (7, 4), (3, 11))]
        image = np.stack(waves, 2) + rng.normal(0, 8, (h, w, 3))
        image[h // 3 : h // 2, w // 4 : w // 2] = rng.integers(0, 256, 3)
        made.append(image.clip(0, 255).astype(np.uint8))
    return made


def _files(codec: SourceCodec) -> Iterator[Finding]:
    file, image, written = None, None, None
    for pixels in images():
        before = pixels.copy()
        for quality in TRIED:
            data: Any = codec.encode(pixels, quality)
            where = f" at quality {quality} of {list(pixels.shape)}"
            problem = file_problem(data)
            file = file or (problem and problem + where)
            if problem is None:
                problem = image_problem(codec.decode(data, pixels.shape[:2]), pixels.shape[:2])
                image = image or (problem and problem + where)
            if not np.array_equal(pixels, before):
                written = written or f"written to{where}"
                pixels[...] = before
    tried = f"at qualities {', '.join(map(str, TRIED))} of {len(SIZES)} sizes"
    yield holds("encode: file", f"bytes, at least one, {tried}", file)
    yield holds("decode: image", f"uint8 [h, w, 3] of the size asked for, {tried}", image)
    yield holds("pixels", "not written to", written, "not written to")


def _quality(codec: SourceCodec) -> Iterator[Finding]:
    """Checks sizes and errors over all images, since a single better file may be smaller."""
    sizes, errors = [], []
    for quality in LADDER:
        files = [codec.encode(pixels, quality) for pixels in images()]
        sizes.append(sum(map(len, files)))
        errors.append(_error([codec.decode(f, s) for f, s in zip(files, SIZES, strict=True)]))
    at = f"at qualities {', '.join(map(str, LADDER))}"
    rising = all(a <= b for a, b in pairwise(sizes))
    yield Finding("bytes", f"not decreasing with the quality, {at}", _listed(sizes), rising)
    falling = all(a >= b for a, b in pairwise(errors))
    yield Finding(
        "mean squared error", f"not increasing with the quality, {at}", _listed(errors), falling
    )
    nothing, best = _error([gray(size) for size in SIZES]), errors[-1]
    yield Finding(
        "file of the highest quality",
        f"mean squared error below that of a gray image, {nothing:.0f}",
        f"{best:.1f}",
        best < nothing,
    )


def _error(decoded: list[np.ndarray]) -> float:
    gaps = [a.astype(float) - b for a, b in zip(decoded, images(), strict=True)]
    return float(np.mean([np.mean(gap**2) for gap in gaps]))


def _listed(values: list[Any]) -> str:
    return ", ".join(f"{value:.0f}" for value in values)


def _repeats(codec: SourceCodec) -> Iterator[Finding]:
    generators = GlobalGenerators()
    shown = images()
    first = [codec.encode(pixels, 50) for pixels in shown]
    again = [codec.encode(pixels, 50) for pixels in shown[::-1]][::-1]
    changed = [
        f"other bytes for {list(p.shape)}"
        for p, a, b in zip(shown, first, again, strict=True)
        if a != b
    ]
    expected = "the same file, in any order of the images"
    yield holds("image encoded twice", expected, next(iter(changed), None), "the same")
    pixels = [codec.decode(data, size).copy() for data, size in zip(first, SIZES, strict=True)]
    backwards = list(zip(first, SIZES, pixels, strict=True))[::-1]
    changed = [
        f"other pixels for {list(size)}"
        for data, size, before in backwards
        if not np.array_equal(codec.decode(data, size), before)
    ]
    expected = "the same image, in any order of the files"
    yield holds("file decoded twice", expected, next(iter(changed), None), "the same")
    yield generators.finding()


def _damaged(codec: SourceCodec) -> Iterator[Finding]:
    raised, shape, differs, imaged = None, None, None, 0
    rng = np.random.default_rng(1)
    trials = 0
    for pixels in images():
        whole = codec.encode(pixels, 50)
        for what, data in _damages(whole, rng):
            trials += 1
            outcomes = [_outcome(codec, data, pixels.shape[:2]) for _ in range(2)]
            error, image = outcomes[0]
            raised = raised or (error and f"{error}, {what}")
            if error is None and image is not None:
                imaged += 1
                problem = image_problem(image, pixels.shape[:2])
                shape = shape or (problem and f"{problem}, {what}")
            if differs is None and not _alike(*outcomes):
                differs = f"another result the second time, {what}"
    expected = f"an image or the exception DamagedFile, for {trials} files"
    yield holds("damaged files", expected, raised, f"{imaged} images of {trials} files")
    yield holds("image of a damaged file", "uint8 [h, w, 3] of the size asked for", shape)
    yield holds("damaged file decoded twice", "the same result", differs, "the same")


def _damages(whole: bytes, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yields damaged versions of a file, each with a name of its damage."""
    yield "nothing arrived", b""
    yield "all zeros", bytes(len(whole))
    yield "noise", rng.bytes(len(whole))
    for trial in range(TRIALS):
        data = np.frombuffer(whole, np.uint8).copy()
        kind = trial % 4
        if kind == 0:  # a flipped bit does most damage in the header
            data[rng.integers(0, min(80, len(data)), 2)] ^= np.uint8(1 << rng.integers(8))
            what = "two bits flipped in the header"
        elif kind == 1:
            data[rng.integers(0, len(data), 1 + trial % 20)] = rng.integers(0, 256)
            what = "bytes overwritten"
        elif kind == 2:
            data = data[: rng.integers(0, len(data))]
            what = f"cut off after {len(data)} of {len(whole)} bytes"
        else:
            start = rng.integers(0, len(data))
            data[start:] = rng.integers(0, 256, len(data) - start)
            what = f"noise from byte {start} of {len(whole)} on"
        yield what, data.tobytes()


def _outcome(
    codec: SourceCodec, data: bytes, size: tuple[int, int]
) -> tuple[str | None, np.ndarray | None]:
    """Returns (the exception that is not allowed, the image)."""
    try:
        return None, codec.decode(data, size)
    except DamagedFile:
        return None, None
    except Exception as error:  # the check is for such exceptions
        return f"{type(error).__name__}: {message(error)}", None


def _alike(a: tuple[str | None, Any], b: tuple[str | None, Any]) -> bool:
    return a[0] == b[0] and (a[1] is None) == (b[1] is None) and np.array_equal(a[1], b[1])
