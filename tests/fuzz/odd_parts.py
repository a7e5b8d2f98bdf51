"""Parts of a user's own with one fault each: schemes, data functions and codecs, as source text."""

from __future__ import annotations

import random

FAULTS = (
    "raise ValueError('odd')",
    "raise KeyError('odd\\nlines')",
    "raise OSError(13, 'odd')",
    "raise MemoryError",
    "raise SystemExit(0)",
    "import sys; sys.exit('x')",
    "return None",
    "return 1, 2, 3",
    "return 'text'",
    "return b''",
    "return super()",
    "import os; os.chdir('/'); raise AssertionError",
    "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})()",
)

SCHEME = """\
from simulator.schemes.perfect import Perfect
class Odd(Perfect):
{methods}
def part(networks, number: int = 1, rate: float = 0.5):
    {body}
    return Odd(networks)
"""
SCHEME_METHODS = {
    "encode": "self, sources, rows",
    "start": "self, payload",
    "transmissions": "self, slot, most",
    "transmit": "self, *given",
    "receive": "self, *given",
    "perform": "self, *given",
}
CODEC = """\
import io
import numpy as np
from PIL import Image
from simulator.source_codec import DamagedFile, SourceCodec
class part(SourceCodec):
    def encode(self, image, quality):
        {encode}
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=int(quality))
        return file.getvalue()
    def decode(self, data, size):
        {decode}
        try:
            return np.asarray(Image.open(io.BytesIO(data)).convert("RGB").resize(size[::-1]))
        except Exception:
            raise DamagedFile from None
"""
DATA = """\
from dataclasses import replace
import numpy as np
from semantic.data import VehicleImages, open_dataset
def part(split: str) -> VehicleImages:
    images = open_dataset({root!r}, split)
    {body}
    return images
"""
DATA_FAULTS = (
    *FAULTS,
    "return replace(images, camera=images.camera[:-1])",
    "return replace(images, vehicle=-images.vehicle)",
    "return replace(images, files=())",
    "return replace(images, files=['x'] * len(images))",
    "return replace(images, color=images.color + 1000)",
    "return replace(images, is_query=np.zeros(len(images), bool))",
    "return replace(images, vehicle=images.vehicle.astype(float) + np.nan)",
    "return images.subset(np.arange(0))",
)


def other_part(rng: random.Random, module: str, root: str) -> tuple[str, str, list[str]]:
    """Returns the kind of a faulty part, its module's text, and the options that use it."""
    fault = rng.choice(FAULTS)
    kind = rng.choice(("scheme", "data", "codec"))
    if kind == "data":
        text = DATA.format(root=root, body=rng.choice(DATA_FAULTS))
        return kind, text, ["--data", f"{module}:part"]
    if kind == "codec":
        where = rng.choice(("encode", "decode"))
        text = CODEC.format(**{"encode": "pass", "decode": "pass", where: fault})
        scheme = ["--scheme", "jpeg-ldpc-16qam-harq", "--scheme-arg"]
        return kind, text, [*scheme, f"codec={module}:part"]
    name = rng.choice([*SCHEME_METHODS, "factory"])
    methods, body = "    pass", "pass"
    if name == "factory":
        body = fault.replace("super()", "number")
    else:
        methods = f"    def {name}({SCHEME_METHODS[name]}):\n        {fault}"
    return kind, SCHEME.format(methods=methods, body=body), ["--scheme", f"{module}:part"]
