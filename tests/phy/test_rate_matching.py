"""Rate matching: the standard's loops written out, combining, and the limits of the buffer."""

from __future__ import annotations

import numpy as np
import pytest

from phy.coding.ldpc_code import LdpcCode
from phy.coding.ldpc_encoder import encode
from phy.coding.rate_matching import combine, empty_buffer, match, sent_positions, start_position

CODES = [LdpcCode.for_block(k, g) for g, k in ((1, 44), (1, 100), (1, 8448), (2, 24), (2, 700))]


def by_the_book(
    word: np.ndarray, code: LdpcCode, e: int, rv: int, order: int, n_cb: int
) -> np.ndarray:
    """TS 38.212 clauses 5.4.2.1 and 5.4.2.2, loop by loop; -1 stands for NULL."""
    d = word.astype(int)
    d[code.k : code.k_mother] = -1
    d = d[2 * code.lifting :]
    numerator = {1: (0, 17, 33, 56), 2: (0, 13, 25, 43)}[code.base_graph][rv]
    k0 = numerator * n_cb // ({1: 66, 2: 50}[code.base_graph] * code.lifting) * code.lifting
    selected, j = [], 0
    while len(selected) < e:
        bit = d[(k0 + j) % n_cb]
        if bit >= 0:
            selected.append(bit)
        j += 1
    f = [0] * e
    for j in range(e // order):
        for i in range(order):
            f[i + j * order] = selected[i * e // order + j]
    return np.array(f)


@pytest.mark.parametrize("code", CODES, ids=str)
@pytest.mark.parametrize("rv", [0, 1, 2, 3])
@pytest.mark.parametrize("order", [1, 2, 4, 6])
def test_same_bits_as_the_standards_loops(code: LdpcCode, rv: int, order: int) -> None:
    word = encode(np.random.default_rng(1).integers(0, 2, (1, code.k), np.uint8), code)
    limited = code.n_buffer * 2 // 3 // code.lifting * code.lifting
    for length in (code.k // 2, 2 * code.k, 6 * code.k):  # The last one wraps around.
        e = -(-length // order) * order
        for n_cb in (code.n_buffer, limited):
            sent = match(word, sent_positions(code, e, rv, order, n_cb))
            np.testing.assert_array_equal(sent[0], by_the_book(word[0], code, e, rv, order, n_cb))


@pytest.mark.parametrize("code", CODES, ids=str)
def test_fillers_and_first_columns_are_never_sent(code: LdpcCode) -> None:
    for rv in range(4):
        positions = sent_positions(code, 4 * code.n_buffer, rv, 1)
        assert positions.min() == 2 * code.lifting
        assert not ((positions >= code.k) & (positions < code.k_mother)).any()


def test_buffer_adds_up_and_is_a_value() -> None:
    code = LdpcCode.for_block(100)
    rng = np.random.default_rng(0)
    empty = empty_buffer(3, code)
    total = np.where(np.isinf(empty), np.inf, 0.0)
    buffer = empty
    for rv in (0, 2, 3, 1, 0):
        positions = sent_positions(code, 400, rv, 4)
        llr = rng.normal(size=(3, 400)).astype(np.float32)
        for row in range(3):
            np.add.at(total[row], positions, llr[row])
        before = buffer.copy()
        after = combine(buffer, llr, positions)
        np.testing.assert_array_equal(buffer, before)
        buffer = after
    np.testing.assert_allclose(buffer, total, atol=1e-5)
    assert np.isinf(buffer[:, code.k : code.k_mother]).all()


def test_chase_is_the_sum() -> None:
    code = LdpcCode.for_block(100)
    positions = sent_positions(code, 150, 0, 1)
    llr = np.random.default_rng(0).normal(size=(2, 150)).astype(np.float32)
    once = combine(empty_buffer(2, code), llr, positions)
    np.testing.assert_allclose(combine(once, llr, positions)[:, positions], 2 * llr)


def test_infinite_llrs_stay_finite() -> None:
    code = LdpcCode.for_block(100)
    positions = sent_positions(code, 150, 0, 1)
    up = combine(empty_buffer(1, code), np.full((1, 150), np.inf, np.float32), positions)
    down = combine(up, np.full((1, 150), -np.inf, np.float32), positions)
    assert not down[:, positions].any()


def test_refusals() -> None:
    code = LdpcCode.for_block(100)
    with pytest.raises(ValueError, match="4 is not one of 0, 1, 2, 3"):
        start_position(4, code)
    with pytest.raises(ValueError, match="circular buffer of 5"):
        start_position(0, code, 5)
    with pytest.raises(ValueError, match="multiple of 4"):
        sent_positions(code, 150, 0, 4)
