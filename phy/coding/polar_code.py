"""5G polar codes with CRC and successive-cancellation list decoding, computed by Sionna.

TS 38.212 clause 5.3.1, uplink: CRC of 6 bits for 12 to 19 information bits, of 11 bits for more.
"""

from __future__ import annotations

from contextlib import redirect_stdout
from functools import lru_cache
from io import StringIO
from typing import Any

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from phy.sionna_import import import_sionna

#: Information bits of a code word that Sionna's polar codes support, and its most coded bits.
LEAST_BITS, MOST_BITS, MOST_LENGTH = 12, 500, 1088


class PolarCode:
    """A polar code of fixed sizes.

    Args:
        bits: Number of information bits, `LEAST_BITS` to `MOST_BITS`.
        length: Number of coded bits, at most `MOST_LENGTH`.
        list_size: Paths that the decoder follows.

    Raises:
        ValueError: The sizes are not allowed.
    """

    def __init__(self, bits: int, length: int, list_size: int = 8) -> None:
        if not fits(bits, length):
            raise ValueError(
                f"a polar code of {bits} bits in {length} is not allowed: {LEAST_BITS} to "
                f"{MOST_BITS} bits and their CRC must fit a code word of at most {MOST_LENGTH}"
            )
        self.bits, self.length, self.list_size = bits, length, list_size

    @property
    def crc_bits(self) -> int:
        """Number of CRC bits.

        >>> PolarCode(19, 64).crc_bits, PolarCode(20, 64).crc_bits
        (6, 11)
        """
        return crc_bits(self.bits)

    def encode(self, bits: UInt8[Tensor, "batch bits"]) -> UInt8[Tensor, "batch coded"]:
        """Returns the code words of information bits."""
        words: Tensor = _coder(self.bits, self.length, self.list_size)[0](bits.float())
        return words.to(torch.uint8)

    def decode(
        self, llr: Float[Tensor, "batch coded"]
    ) -> tuple[UInt8[Tensor, "batch bits"], Bool[Tensor, " batch"]]:
        """Decodes LLRs ln p(0) / p(1).

        Returns:
            The information bits, and whether the CRC holds.
        """
        # The opposite sign is Sionna's convention.
        bits, ok = _coder(self.bits, self.length, self.list_size)[1](-llr)
        return bits.to(torch.uint8), ok.reshape(len(llr))


def crc_bits(bits: int) -> int:
    """Returns the CRC bits of uplink control information (TS 38.212 clause 6.3.1.2.1)."""
    return 6 if bits < 20 else 11


def fits(bits: int, length: int) -> bool:
    """Returns whether there is a polar code of these sizes.

    >>> fits(12, 18), fits(12, 17), fits(11, 100), fits(100, 1089)
    (True, False, False, False)
    """
    return LEAST_BITS <= bits <= MOST_BITS and bits + crc_bits(bits) <= length <= MOST_LENGTH


@lru_cache(maxsize=64)
def _coder(bits: int, length: int, list_size: int) -> tuple[Any, Any]:
    """Returns Sionna's encoder and decoder.

    For 12 to 19 bits Sionna prints that it leaves out the three parity-check bits of the standard.
    """
    polar = import_sionna("fec.polar")
    with redirect_stdout(StringIO()):
        encoder = polar.Polar5GEncoder(bits, length, device="cpu")
        decoder = polar.Polar5GDecoder(
            encoder, "SCL", list_size=list_size, return_crc_status=True, device="cpu"
        )
    return encoder, decoder
