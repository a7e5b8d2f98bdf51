"""HEIC: HEVC intra coding in a HEIF file, by pillow-heif, which is optional."""

from __future__ import annotations

import io
from typing import Any, final

import numpy as np

from simulator.source_codec import DamagedFile, SourceCodec


@final
class HeifCodec(SourceCodec):
    """HEIC, 4:2:0: the intra coding of HEVC, which BPG has too.

    The file has the boxes of HEIF, which take 378 bytes beside the HEVC data.

    Raises:
        ValueError: If pillow-heif is not installed; names the command that installs it.
    """

    def __init__(self) -> None:
        self._library = library()

    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        """Returns the file that libheif writes."""
        out, (height, width, _) = io.BytesIO(), pixels.shape
        image = self._library.from_bytes("RGB", (width, height), pixels.tobytes())
        image.save(out, quality=quality, chroma=420)
        return out.getvalue()

    def decode(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        """Returns the image; a truncated or damaged file gives none.

        Raises:
            DamagedFile: If it cannot be decoded, or has another size.
        """
        try:
            # The HEVC data of a damaged file may have another size than its header says.
            pixels = np.asarray(self._library.open_heif(data, convert_hdr_to_8bit=True))
        except Exception as error:  # a damaged header can raise anything at all
            raise DamagedFile(f"{type(error).__name__}: {error}") from None
        if pixels.shape != (*size, 3):
            raise DamagedFile(f"an array of {list(pixels.shape)}")
        return np.ascontiguousarray(pixels)


def library() -> Any:
    """Returns the module of pillow-heif. It is not registered with Pillow, which is process-wide.

    Raises:
        ValueError: If it is not installed.
    """
    try:
        import pillow_heif
    except ImportError:
        raise ValueError("codec heic needs pillow-heif: pip install 'semharq-sim[heic]'") from None
    return pillow_heif
