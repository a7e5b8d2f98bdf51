"""Speed of the numba LDPC decoder relative to that of Sionna on this CPU.

    python benchmarks/ldpc_speed.py --seconds 20

k = 6000, n = 8000, base graph 1, BPSK over AWGN, at most 20 iterations. Each decoder works at the
SNR at which its block error rate is about 1e-2. Only decoding is timed, on all cores. The ratios
are portable; the absolute figures depend on the machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from phy.coding.ldpc_code import LdpcCode
from phy.coding.ldpc_decoder import NumbaDecoder, SionnaDecoder
from phy.coding.ldpc_encoder import encode
from phy.coding.rate_matching import combine, empty_buffer, match, sent_positions

K, N, ITERATIONS = 6000, 8000, 20
CODE = LdpcCode.for_block(K)
#: Rounds, and where numba and Sionna have a block error rate of about 1e-2.
CASES = {"rv 0": ((0,), 1.2, 1.3), "rv 0 and 2": ((0, 2), -3.5, -3.5)}


class Frames(NamedTuple):
    """Received blocks: bits [frames, k], LLRs [frames, transmissions, n], soft buffer."""

    bits: NDArray[np.uint8]
    llr: NDArray[np.float32]
    buffer: NDArray[np.float32]


def receive(rvs: tuple[int, ...], snr_db: float, frames: int) -> Frames:
    """BPSK over AWGN, one reception per redundancy version."""
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, (frames, K), np.uint8)
    words, buffer, no = encode(bits, CODE), empty_buffer(frames, CODE), 10 ** (-snr_db / 10)
    llrs = []
    for rv in rvs:
        positions = sent_positions(CODE, N, rv, 1)
        y = 1.0 - 2.0 * match(words, positions) + rng.normal(0, (no / 2) ** 0.5, (frames, N))
        llrs.append((4 / no * y).astype(np.float32))
        buffer = combine(buffer, llrs[-1], positions)
    return Frames(bits, np.stack(llrs, axis=1), buffer)


def sionna_decoder(rvs: tuple[int, ...]) -> Callable[[Frames], NDArray[np.uint8]]:
    """Sionna's own decoder, eager, as its documentation uses it."""
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

    encoder = LDPC5GEncoder(K, N, bg="bg1")
    harq = len(rvs) > 1
    decoder: Any = LDPC5GDecoder(encoder, num_iter=ITERATIONS, harq_mode=harq)

    def decode(frames: Frames) -> NDArray[np.uint8]:
        llr = torch.from_numpy(-frames.llr)
        out = decoder(llr, rv=list(rvs)) if harq else decoder(llr[:, 0])
        result: NDArray[np.uint8] = out.numpy().astype(np.uint8)
        return result

    return decode


def measure(
    decode: Callable[[Frames], NDArray[np.uint8]], frames: Frames, seconds: float
) -> tuple[float, float]:
    """(information Mbit/s, block error rate), after one call that is not timed."""
    decode(Frames(frames.bits[:2], frames.llr[:2], frames.buffer[:2]))
    start, passes = time.perf_counter(), 0
    while passes == 0 or time.perf_counter() - start < seconds:
        bits = decode(frames)
        passes += 1
    rate = passes * frames.bits.size / (time.perf_counter() - start) / 1e6
    return rate, float((bits != frames.bits).any(axis=1).mean())


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="per decoder and case")
    parser.add_argument("--batch", type=int, default=32, help="blocks per call of Sionna")
    options = parser.parse_args()
    numba, pruned = NumbaDecoder(), SionnaDecoder()
    print("| received | decoder | SNR / dB | BLER | Mbit/s | numba is faster by |")
    print("|---|---|---|---|---|---|")
    for name, (rvs, numba_db, sionna_db) in CASES.items():
        own = "harq_mode" if len(rvs) > 1 else "LDPC5GDecoder"
        runs: list[tuple[str, Callable[[Frames], NDArray[np.uint8]], float, int]] = [
            ("numba", lambda f: numba(f.buffer, CODE, ITERATIONS).bits, numba_db, 1024),
            (f"Sionna, {own}", sionna_decoder(rvs), sionna_db, options.batch),
            (
                "Sionna, our adapter",
                lambda f: pruned(f.buffer, CODE, ITERATIONS).bits,
                sionna_db,
                options.batch,
            ),
        ]
        fastest = 0.0
        for decoder, decode, snr_db, frames in runs:
            rate, bler = measure(decode, receive(rvs, snr_db, frames), options.seconds)
            fastest = fastest or rate
            row = [name, decoder, snr_db, f"{bler:.3f}", f"{rate:.3f}", f"{fastest / rate:.0f}"]
            print("|", " | ".join(map(str, row)), "|", flush=True)


if __name__ == "__main__":
    main()
