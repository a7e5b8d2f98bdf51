"""CRC: check values of the catalog, and Sionna's parity bits."""

from __future__ import annotations

import numpy as np
import pytest
from sionna_blocks import sionna_on_the_cpu

from phy.coding.crc import CRC11, CRC16, CRC24A, CRC24B, Crc, transport_crc

ALL = [CRC24A, CRC24B, CRC16, CRC11]
#: Remainder of the ASCII text "123456789": "check" in the catalog of parametrised CRC algorithms,
#: CRC-24/LTE-A, CRC-24/LTE-B and CRC-16/XMODEM.
CHECK_VALUES = {"CRC24A": 0xCDE703, "CRC24B": 0x23EF52, "CRC16": 0x31C3}


@pytest.mark.parametrize("crc", [CRC24A, CRC24B, CRC16], ids=lambda c: c.name)
def test_check_value(crc: Crc) -> None:
    text = np.unpackbits(np.frombuffer(b"123456789", np.uint8))[None]
    value = int("".join(map(str, crc.parity(text)[0])), 2)
    assert value == CHECK_VALUES[crc.name]


@pytest.mark.parametrize("crc", ALL, ids=lambda c: c.name)
@pytest.mark.parametrize("bits", [1, 7, 8, 100, 3001])
def test_same_parity_as_sionna(crc: Crc, bits: int) -> None:
    torch = pytest.importorskip("torch")
    sionna = sionna_on_the_cpu("fec.crc")
    block = np.random.default_rng(bits).integers(0, 2, (4, bits), np.uint8)
    expected = sionna.CRCEncoder(crc.name)(torch.tensor(block, dtype=torch.float32)).numpy()
    np.testing.assert_array_equal(crc.append(block), expected)


@pytest.mark.parametrize("crc", ALL, ids=lambda c: c.name)
def test_every_single_error_and_burst_is_found(crc: Crc) -> None:
    rng = np.random.default_rng(1)
    word = crc.append(rng.integers(0, 2, (1, 77), np.uint8))
    singles = word ^ np.eye(word.shape[1], dtype=np.uint8)
    assert not crc.check(singles).any()
    for start in range(word.shape[1] - crc.length):
        burst = word.copy()
        burst[0, start : start + crc.length] ^= rng.integers(0, 2, crc.length, np.uint8)
        changed = bool((burst != word).any())
        assert crc.check(burst)[0] != changed


def test_rows_are_independent() -> None:
    bits = np.random.default_rng(0).integers(0, 2, (5, 61), np.uint8)
    rows = np.concatenate([CRC24A.parity(row[None]) for row in bits])
    np.testing.assert_array_equal(CRC24A.parity(bits), rows)


def test_zeros_pass() -> None:
    # Known property of a zero start value: what guards against it is in phy.coding.transport.
    assert CRC24A.check(np.zeros((1, 50), np.uint8))[0]


def test_choice_by_size() -> None:
    assert transport_crc(8) is CRC16
    assert transport_crc(3824) is CRC16
    assert transport_crc(3825) is CRC24A


def test_a_vector_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(8,\)"):
        CRC16.parity(np.zeros(8, np.uint8))
