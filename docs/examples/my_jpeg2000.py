"""A source codec that wraps a library: JPEG 2000 of Pillow."""

import io

import numpy as np
from PIL import Image

from simulator.source_codec import DamagedFile, SourceCodec


class Jpeg2000(SourceCodec):
    def encode(self, pixels, quality):
        ratio = 2 ** ((95 - quality) / 16 + 2)  # 4 for quality 95, doubled for every 16 less
        out = io.BytesIO()
        layers = {"quality_mode": "rates", "quality_layers": [ratio], "irreversible": True}
        Image.fromarray(pixels).save(out, "JPEG2000", no_jp2=True, **layers)
        return out.getvalue()

    def decode(self, data, size):
        try:
            image = Image.open(io.BytesIO(data))
            if image.size != (size[1], size[0]):
                raise DamagedFile(f"an image of {image.size[1]} x {image.size[0]} pixels")
            return np.asarray(image.convert("RGB"))
        except Exception as error:  # a damaged header can raise anything
            raise DamagedFile(error) from None
