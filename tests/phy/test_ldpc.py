"""LDPC: Sionna's codewords bit by bit, both engines behind one contract, error rates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sionna_blocks import sionna_on_the_cpu

from phy.coding.ldpc_code import LIFTING_SETS, LdpcCode
from phy.coding.ldpc_decoder import (
    Decoder,
    NumbaDecoder,
    SionnaDecoder,
    make_decoder,
    parity_check_matrix,
)
from phy.coding.ldpc_encoder import encode, syndrome
from phy.coding.rate_matching import combine, empty_buffer, match, sent_positions

SIZES = [
    (graph, k)
    for graph in (1, 2)
    for k in (12, 24, 44, 100, 192, 193, 560, 561, 641, 1000, 3840, 6000, 8448)
    if graph == 1 or k <= 3840
]
DECODERS: list[Decoder] = [NumbaDecoder(), SionnaDecoder()]
ENGINE_NAMES = ["numba", "sionna"]


def received(
    code: LdpcCode,
    n: int,
    snr_db: float,
    frames: int,
    rvs: tuple[int, ...] = (0,),
    rayleigh: bool = False,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Information bits and soft buffers after BPSK (real noise of variance no / 2)."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (frames, code.k), np.uint8)
    words, buffer = encode(bits, code), empty_buffer(frames, code)
    no = 10 ** (-snr_db / 10)
    for rv in rvs:
        positions = sent_positions(code, n, rv, 1)
        h = np.sqrt(rng.exponential(size=(frames, n))) if rayleigh else 1.0
        y = h * (1.0 - 2.0 * match(words, positions)) + rng.normal(0, (no / 2) ** 0.5, (frames, n))
        buffer = combine(buffer, (4 / no * h * y).astype(np.float32), positions)
    return bits, buffer


def block_errors(decoder: Decoder, *arguments: object, **options: object) -> int:
    bits, buffer = received(*arguments, **options)  # type: ignore[arg-type]
    code = arguments[0]
    assert isinstance(code, LdpcCode)
    return int((decoder(buffer, code).bits != bits).any(axis=1).sum())


@pytest.mark.parametrize(("graph", "k"), SIZES)
@pytest.mark.parametrize("order", [1, 4])
def test_codewords_equal_sionnas(graph: int, k: int, order: int) -> None:
    ldpc = sionna_on_the_cpu("fec.ldpc")
    n = -(-4 * k // 3) // order * order + order
    bits = np.random.default_rng(k).integers(0, 2, (3, k), np.uint8)
    encoder = ldpc.LDPC5GEncoder(k, n, num_bits_per_symbol=order, bg=f"bg{graph}")
    expected = encoder(torch.tensor(bits, dtype=torch.float32), rv=[0, 2, 3, 1]).numpy()
    code = LdpcCode.for_block(k, graph)
    words = encode(bits, code)
    for i, rv in enumerate((0, 2, 3, 1)):
        sent = match(words, sent_positions(code, n, rv, order))
        np.testing.assert_array_equal(sent, expected[:, i])


@pytest.mark.parametrize("graph", [1, 2])
@pytest.mark.parametrize("lifting", [z for row in LIFTING_SETS for z in row])
def test_every_lifting_size_gives_codewords(graph: int, lifting: int) -> None:
    code = LdpcCode(graph, lifting, (22 if graph == 1 else 10) * lifting)
    bits = np.random.default_rng(lifting).integers(0, 2, (2, code.k), np.uint8)
    words = encode(bits, code)
    assert not syndrome(words, code).any()
    assert not (parity_check_matrix(code) @ words.T.astype(int) % 2).any()


def test_matrix_equals_sionnas() -> None:
    ldpc = sionna_on_the_cpu("fec.ldpc")
    for graph, k in ((1, 1000), (2, 1000)):
        expected = ldpc.LDPC5GEncoder(k, 2 * k, bg=f"bg{graph}").pcm
        assert (parity_check_matrix(LdpcCode.for_block(k, graph)) != expected).nnz == 0


@pytest.mark.parametrize("decoder", DECODERS, ids=ENGINE_NAMES)
@pytest.mark.parametrize(
    ("graph", "k", "n"),
    [(1, 44, 66), (1, 1000, 1500), (1, 1000, 3000), (2, 24, 60), (2, 500, 2000)],
)
@pytest.mark.parametrize("rvs", [(0,), (0, 2), (0, 0), (2, 3, 1)])
def test_clear_reception_is_decoded(
    decoder: Decoder, graph: int, k: int, n: int, rvs: tuple[int, ...]
) -> None:
    code = LdpcCode.for_block(k, graph)
    bits, buffer = received(code, n, 9.0, 4, rvs)
    kept = buffer.copy()
    decoded = decoder(buffer, code)
    np.testing.assert_array_equal(decoded.bits, bits)
    assert decoded.converged.all()
    np.testing.assert_array_equal(buffer, kept)


@pytest.mark.parametrize("decoder", DECODERS, ids=ENGINE_NAMES)
def test_silence_does_not_converge(decoder: Decoder) -> None:
    code = LdpcCode.for_block(100)
    assert not decoder(empty_buffer(2, code), code).converged.any()


@pytest.mark.parametrize("decoder", DECODERS, ids=ENGINE_NAMES)
def test_noise_does_not_converge(decoder: Decoder) -> None:
    code = LdpcCode.for_block(500)
    _, buffer = received(code, 700, -12.0, 4)
    assert not decoder(buffer, code).converged.any()


def test_blocks_do_not_depend_on_their_company() -> None:
    code = LdpcCode.for_block(500)
    _, buffer = received(code, 700, 1.5, 16)
    together = NumbaDecoder()(buffer, code)
    for i in range(16):
        alone = NumbaDecoder()(buffer[i : i + 1], code)
        np.testing.assert_array_equal(alone.bits[0], together.bits[i])


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_min_sum_ignores_the_scale(scale: float) -> None:
    code = LdpcCode.for_block(500)
    bits, buffer = received(code, 700, 3.0, 16)
    decoded = NumbaDecoder()(buffer * np.float32(scale), code)
    np.testing.assert_array_equal(decoded.bits, bits)


def test_sionna_engine_equals_sionnas_own_decoder() -> None:
    ldpc = sionna_on_the_cpu("fec.ldpc")
    code, n = LdpcCode.for_block(400), 640
    _, buffer = received(code, n, 0.2, 24)
    llr = torch.from_numpy(buffer[:, sent_positions(code, n, 0, 1)])
    own = ldpc.LDPC5GDecoder(ldpc.LDPC5GEncoder(400, n, bg="bg1"), num_iter=12)(-llr).numpy()
    ours = SionnaDecoder()(buffer, code, 12).bits
    # The graph is pruned in steps of Z here, and bit by bit there: borderline bits may differ.
    assert (ours == own).all(axis=1).mean() > 0.8
    assert (ours != own).mean() < 0.01


def test_importing_sionna_leaves_our_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    code = LdpcCode.for_block(60, 2)
    SionnaDecoder()(empty_buffer(1, code), code, 1)
    torch.testing.assert_close(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("graph", "k", "n", "rvs", "snr_db", "rayleigh", "at_most"),
    [
        # At each of these points Sionna, 20 iterations of sum-product, has about 10 % or more, or
        # (in fading) about as much as here.
        (1, 6000, 8000, (0,), 1.2, False, 0.05),
        (1, 1056, 1408, (0,), 1.5, False, 0.07),
        (1, 6000, 8000, (0, 0), -1.8, False, 0.05),
        (1, 6000, 8000, (0, 2), -3.6, False, 0.09),
        (2, 1000, 5000, (0,), -6.2, False, 0.05),
        # Fading spreads the LLRs: a quantizer too coarse fails here and nowhere else.
        (1, 6000, 8000, (0,), 5.2, True, 0.07),
        (1, 6000, 8000, (0, 2), -2.1, True, 0.07),
        (1, 8448, 9216, (0,), 11.6, True, 0.07),
    ],
)
def test_block_error_rate(
    graph: int,
    k: int,
    n: int,
    rvs: tuple[int, ...],
    snr_db: float,
    rayleigh: bool,
    at_most: float,
) -> None:
    """Over 200 blocks, with the limit at three times the measured rate or more."""
    code = LdpcCode.for_block(k, graph)
    errors = block_errors(NumbaDecoder(), code, n, snr_db, 200, rvs, rayleigh)
    assert errors <= at_most * 200


@pytest.mark.slow
@pytest.mark.parametrize(
    ("k", "n", "snr_db"), [(6000, 8000, 1.25), (1056, 1408, 1.55)], ids=["8000", "1408"]
)
def test_no_worse_than_sum_product(k: int, n: int, snr_db: float) -> None:
    """0.1 dB below the SNR given to Sionna, the integers make no more errors."""
    code = LdpcCode.for_block(k)
    theirs = block_errors(SionnaDecoder(), code, n, snr_db, 200)
    ours = block_errors(NumbaDecoder(), code, n, snr_db - 0.1, 2000) / 10
    assert ours <= theirs + 3 * np.sqrt(max(theirs, 1))


def test_engines_by_name() -> None:
    assert isinstance(make_decoder("numba"), NumbaDecoder)
    assert isinstance(make_decoder("sionna"), SionnaDecoder)
    with pytest.raises(ValueError, match="'turbo' is not one of numba, sionna"):
        make_decoder("turbo")


def test_refusals() -> None:
    code = LdpcCode.for_block(100)
    with pytest.raises(ValueError, match=r"must be \[blocks, "):
        NumbaDecoder()(np.zeros((1, 5), np.float32), code)
    with pytest.raises(ValueError, match="at least 1"):
        NumbaDecoder()(empty_buffer(1, code), code, 0)
    with pytest.raises(ValueError, match=r"must be \[blocks, 100\]"):
        encode(np.zeros((1, 99), np.uint8), code)
    with pytest.raises(ValueError, match=r"not one of TS 38\.212"):
        LdpcCode(1, 17, 100)
