"""Cyclic redundancy checks of TS 38.212 clause 5.1, on arrays of bits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phy.kernels.compiled import no_type_check

Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class Crc:
    """A CRC with start value zero, most significant bit first, without reflection or inversion.

    Attributes:
        name: Name in the specification.
        length: Number of parity bits L, at least 8.
        polynomial: Generator polynomial without its leading term D^L, the highest remaining power
            first.
    """

    name: str
    length: int
    polynomial: int

    def parity(self, bits: Bits) -> Bits:
        """Computes the parity bits of each row.

        Args:
            bits: [batch, n] uint8 zeros and ones.

        Returns:
            [batch, length] uint8, the highest power first.

        Raises:
            ValueError: When `bits` is not a matrix.

        >>> text = np.unpackbits(np.frombuffer(b"123456789", np.uint8))[None]
        >>> hex(int("".join(map(str, CRC16.parity(text)[0])), 2))
        '0x31c3'
        """
        powers = np.arange(self.length - 1, -1, -1, dtype=np.uint32)
        return ((self._remainders(bits)[:, None] >> powers) & 1).astype(np.uint8)

    def append(self, bits: Bits) -> Bits:
        """Appends its parity bits to each row.

        Args:
            bits: [batch, n] uint8 zeros and ones.

        Returns:
            [batch, n + length] uint8.

        >>> Crc("CRC8", 8, 0x07).append(np.array([[1]], np.uint8))
        array([[1, 0, 0, 0, 0, 0, 1, 1, 1]], dtype=uint8)
        """
        return np.concatenate([bits, self.parity(bits)], axis=1)

    def check(self, bits: Bits) -> NDArray[np.bool_]:
        """Returns which rows end in their own parity bits.

        A row of zeros passes, so the caller must know that something was received.

        Args:
            bits: [batch, n + length] uint8 zeros and ones.

        Returns:
            [batch] bool.

        >>> CRC24A.check(CRC24A.append(np.ones((1, 5), np.uint8)))
        array([ True])
        """
        good: NDArray[np.bool_] = self._remainders(bits) == 0
        return good

    def _remainders(self, bits: Bits) -> NDArray[np.uint32]:
        """Returns the remainder [batch] of each row; see `parity`."""
        if bits.ndim != 2:
            raise ValueError(f"bits have shape {bits.shape}, they must be [batch, n]")
        # Leading zeros do not change a CRC with start value zero, so rows can be padded to bytes.
        missing = -bits.shape[1] % 8
        if missing:
            bits = np.concatenate([np.zeros((len(bits), missing), np.uint8), bits], axis=1)
        octets = np.packbits(bits.astype(np.uint8, copy=False), axis=1)
        found: NDArray[np.uint32] = _divide(
            octets, _table(self.length, self.polynomial), self.length
        )
        return found


#: Transport blocks of more than 3824 bits.
CRC24A = Crc("CRC24A", 24, 0x864CFB)
#: Code blocks, when a transport block has more than one.
CRC24B = Crc("CRC24B", 24, 0x800063)
#: Transport blocks of up to 3824 bits.
CRC16 = Crc("CRC16", 16, 0x1021)
#: Uplink control information of 20 bits and more (clause 6.3.1.2.1).
CRC11 = Crc("CRC11", 11, 0x621)


def transport_crc(payload_bits: int) -> Crc:
    """Returns the CRC of a transport block.

    Source: TS 38.212 clauses 6.2.1 and 7.2.1.

    Args:
        payload_bits: Bits of the transport block without CRC.

    >>> transport_crc(3824).name, transport_crc(3825).name
    ('CRC16', 'CRC24A')
    """
    return CRC24A if payload_bits > 3824 else CRC16


@lru_cache(maxsize=8)
def _table(length: int, polynomial: int) -> NDArray[np.uint32]:
    """Returns the remainder of each possible leading byte, [256]."""
    top, mask = 1 << (length - 1), (1 << length) - 1
    remainders = []
    for octet in range(256):
        register = octet << (length - 8)
        for _ in range(8):
            register = ((register << 1) ^ (polynomial if register & top else 0)) & mask
        remainders.append(register)
    return np.array(remainders, np.uint32)


@njit(cache=True)
@no_type_check
def _divide(
    octets: NDArray[np.uint8], table: NDArray[np.uint32], length: int
) -> NDArray[np.uint32]:  # pragma: no cover - compiled
    """Returns the remainders [batch] of rows [batch, bytes] divided by the generator."""
    batch, count = octets.shape
    registers = np.zeros(batch, np.uint32)
    mask, high = np.uint32((1 << length) - 1), np.uint32(length - 8)
    for row in range(batch):
        register = np.uint32(0)
        for i in range(count):
            index = (register >> high) ^ np.uint32(octets[row, i])
            register = np.uint32(((register << np.uint32(8)) & mask) ^ table[index])
        registers[row] = register
    return registers
