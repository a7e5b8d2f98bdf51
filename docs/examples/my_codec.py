"""A source codec: the cosine transform of 8 x 8 pixels, rounded to one step, then zlib."""

import zlib

import numpy as np
from scipy.fft import dctn, idctn

from simulator.source_codec import DamagedFile, SourceCodec

SIDE = 8


class Cosines(SourceCodec):
    def encode(self, pixels, quality):
        h, w, _ = pixels.shape
        whole = np.pad(pixels, ((0, -h % SIDE), (0, -w % SIDE), (0, 0)), mode="edge")
        blocks = whole.reshape(-(-h // SIDE), SIDE, -(-w // SIDE), SIDE, 3) - 128.0
        levels = np.rint(dctn(blocks, axes=(1, 3), norm="ortho") / step(quality)).astype("<i2")
        # Low frequencies first: a truncated file gives a blurred image.
        return bytes([quality]) + zlib.compress(levels.transpose(1, 3, 0, 2, 4).tobytes(), 9)

    def decode(self, data, size):
        (h, w), rows, columns = size, -(-size[0] // SIDE), -(-size[1] // SIDE)
        sent = np.zeros((SIDE, SIDE, rows, columns, 3), "<i2")
        try:
            received = zlib.decompressobj().decompress(data[1:], sent.nbytes)
        except zlib.error as error:
            raise DamagedFile(error) from None
        sent.reshape(-1)[: len(received) // 2] = np.frombuffer(
            received[: len(received) // 2 * 2], "<i2"
        )
        levels = sent.transpose(2, 0, 3, 1, 4) * step(data[0] if data else 1)
        whole = idctn(levels, axes=(1, 3), norm="ortho") + 128
        whole = whole.reshape(rows * SIDE, columns * SIDE, 3)
        return np.rint(whole[:h, :w]).clip(0, 255).astype(np.uint8)


def step(quality):
    """Returns the rounding step: 4 for quality 95, doubled for every 16 less."""
    return 4 * 2 ** ((95 - quality) / 16)
