"""Random damage to bytes, text and JSON values, from a seeded generator."""

from __future__ import annotations

import copy
import io
import json
import random
from typing import Any

import numpy as np
from PIL import Image, ImageCms

#: Values that no field expects, and some that one does.
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 0.5, -0.0, 1e300, -1e300, 10**30, 2**63 - 1, 2**63, 2**64),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "0", "1", "-1", "nan", "inf", "1e400"),
    *("a", "é", "\u202e", "\x00", "x" * 300, "../../x", "/dev/full", "~", "a\nb", "1dB", "0x10"),
    *([], [1], ["a"], [[]], {}, {"a": 1}, [None], "module:name", "os:system", "semharq", "rician"),
)
#: Pieces that text files may hold where nobody expects them.
PIECES = (
    "\ufeff",
    "\r\n",
    "\x00",
    '"',
    ",",
    ",,,",
    "\t",
    "é",
    "\udcba",
    "-1",
    "nan",
    "[",
    "}",
    "=",
)

#: Characters of a line that was repeated: six times by 100 would be gigabytes.
LONGEST_LINE = 2**20

_TO_LAB: Any = ImageCms.buildTransform(
    ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
)


def odd_bytes(rng: random.Random, data: bytes) -> bytes:
    """Returns data with some bytes changed, cut off, doubled or taken out."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 40))):
        if not out:
            break
        at = rng.randrange(len(out))
        match rng.randrange(6):
            case 0:
                out[at] = rng.randrange(256)
            case 1:
                del out[at:]
            case 2:
                del out[at : at + rng.randrange(1, 50)]
            case 3:
                out[at:at] = rng.randbytes(rng.randrange(1, 20))
            case 4:
                out[at] ^= 1 << rng.randrange(8)
            case 5:
                out[at : at + 4] = rng.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"))
    return bytes(out)


def odd_image(rng: random.Random) -> bytes:
    """Returns a good file of a random format, mode, size and range of values."""
    mode = rng.choice(
        ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F")
    )
    shape = (rng.choice((1, 3, 4, 5, 33)), rng.choice((1, 4, 7, 64)))
    most = rng.choice((1, 255, 1023, 4095, 16383, 65535))
    draw = np.random.default_rng(rng.randrange(2**32))
    if mode in ("I;16", "I", "F"):
        dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        low = -5 if mode != "I;16" and rng.random() < 0.2 else 0
        image = Image.fromarray(draw.integers(low, most + 1, shape).astype(dtype))
    else:
        pixels = draw.integers(0, min(most, 255) + 1, (*shape, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).convert(mode if mode != "LAB" else "RGB")
        image = ImageCms.applyTransform(image, _TO_LAB) if mode == "LAB" else image
    frames = {"save_all": True, "append_images": [image] * 2} if rng.random() < 0.2 else {}
    for form in rng.sample(("PNG", "TIFF", "WEBP", "GIF", "BMP", "PPM", "JPEG", "JPEG2000"), 8):
        file = io.BytesIO()
        try:
            image.save(file, form, **frames)
        except (OSError, ValueError, TypeError, KeyError):
            continue
        return file.getvalue()
    return b""


def odd_text(rng: random.Random, text: str) -> bytes:
    """Returns text with a line or a word exchanged, in an encoding that may be wrong."""
    lines = text.split("\n")
    for _ in range(rng.choice((1, 1, 2, 6))):
        at = rng.randrange(len(lines))
        words = lines[at].split(",")
        match rng.randrange(6):
            case 0:
                lines.insert(at, lines[rng.randrange(len(lines))])
            case 1:
                del lines[at]
                lines = lines or [""]
            case 2:
                words[rng.randrange(len(words))] = str(rng.choice(ODD))
                lines[at] = ",".join(words)
            case 3:
                place = rng.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:place] + rng.choice(PIECES) + lines[at][place:]
            case 4:
                words.pop(rng.randrange(len(words)))
                lines[at] = ",".join(words)
            case 5:
                longer = lines[at] * rng.choice((2, 3, 100))
                lines[at] = longer[:LONGEST_LINE]  # the memory that counts is the reader's
    encoding = rng.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "latin-1", "utf-16"))
    return "\n".join(lines).encode(encoding, errors="replace")


def odd_value(rng: random.Random, value: Any) -> Any:
    """Returns a JSON value with some of its parts replaced, taken out or added."""
    out = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        out = _damaged(rng, out, depth=0)
    return out


def _damaged(rng: random.Random, value: Any, depth: int) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        match rng.randrange(8):
            case 0:
                value.pop(key)
            case 1:
                value[rng.choice(("", "x", key + "s", "é" * 40))] = copy.deepcopy(rng.choice(ODD))
            case _:
                value[key] = _damaged(rng, value[key], depth + 1)
        return value
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = rng.randrange(len(value))
        match rng.randrange(5):
            case 0:
                del value[at]
            case 1:
                value.extend(value[:1] * rng.choice((1, 2, 50)))
            case _:
                value[at] = _damaged(rng, value[at], depth + 1)
        return value
    if rng.random() < 0.03:
        return json.loads("[" * 900 + "]" * 900)
    return copy.deepcopy(rng.choice(ODD))
