"""Writes reference.npz: the coded chain computed by Sionna 1.2.2 on TensorFlow and pyldpc 0.7.9.

    python make_reference.py [--frames 1000] [--out reference.npz]

Runs in a separate environment (requirements.txt) and imports nothing of this repository, so that
`compare.py` compares with independent code on another framework. LLRs in the file are those of
Sionna, ln p(1) / p(0); only those of the regular code are those of pyldpc, ln p(0) / p(1). Eight
bits are packed into a byte.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyldpc
import tensorflow as tf
from sionna.phy.fec.crc import CRCEncoder
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
from sionna.phy.mapping import Constellation, Demapper, Mapper

SEED = 20240408
PACKAGES = ("sionna-no-rt", "tensorflow", "numpy", "scipy", "numba", "pyldpc")
#: Sionna's names; 24C and 6 are of control channels that this chain does not have.
POLYNOMIALS = ("CRC24A", "CRC24B", "CRC16", "CRC11")
CRC_BITS = (1, 7, 8, 40, 1000, 3824, 6121)
#: Base graph, k, n, bits per symbol: without fillers and with, all lifting sets, rates 1/5 to 0.92.
CODES = [
    *((1, k, 2 * k, 1) for k in (22, 44, 66, 110, 154, 198, 242, 286, 330, 500, 6000, 8448)),
    *((1, k, n, 4) for k, n in ((100, 300), (500, 668), (561, 612), (1000, 1336), (4463, 5952))),
    *((1, k, n, 6) for k, n in ((600, 900), (3001, 3612))),
    *((2, k, 2 * k, 1) for k in (12, 20, 60, 100, 193, 561, 641, 1000, 3840)),
    *((2, k, n, 2) for k, n in ((24, 120), (96, 192), (300, 900), (1500, 2250))),
]
CONSTELLATIONS = {"bpsk": ("pam", 1), "qpsk": ("qam", 2), "16qam": ("qam", 4), "64qam": ("qam", 6)}
DEMAPPER_SNRS_DB = (-5.0, 5.0, 15.0)
SYMBOLS = 60
#: Base graph, k, n, modulation, SNRs in dB: block error rates of about one half to one percent.
CHAINS = [
    (1, 500, 668, "16qam", (10.2, 10.6, 11.0)),
    (1, 600, 1200, "qpsk", (1.0, 1.3, 1.6)),
    (2, 300, 900, "bpsk", (-4.4, -4.0, -3.6)),
]
ITERATIONS, BATCH = 20, 200
#: The same LLRs into all decoders: base graph, k, n, SNR in dB, frames.
DECODED = (2, 96, 192, -1.6, 240)
#: Gallager's regular code: n, column weight, row weight, SNRs in dB, frames for each, iterations.
REGULAR = (204, 3, 6, (-1.0, -0.4), 250, 50)

Arrays = dict[str, np.ndarray]


def random_bits(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Zeros and ones, float32 as Sionna wants them."""
    return rng.integers(0, 2, shape).astype(np.float32)


def packed(bits: Any) -> np.ndarray:
    """Rows of bits, eight to a byte."""
    return np.packbits(np.asarray(bits).astype(np.uint8), axis=1)


def crcs(arrays: Arrays) -> list[dict[str, Any]]:
    """Words with their parity bits behind."""
    cases = []
    for name in POLYNOMIALS:
        encoder = CRCEncoder(name)
        for bits in CRC_BITS:
            word = encoder(random_bits(np.random.default_rng([SEED, bits]), 2, bits))
            arrays[f"crc/{len(cases)}"] = packed(word)
            cases.append({"name": name, "bits": bits, "length": int(encoder.crc_length)})
    return cases


def codewords(arrays: Arrays) -> list[dict[str, Any]]:
    """Two blocks and their rv 0, interleaved where a symbol has several bits."""
    cases = []
    for base_graph, k, n, order in CODES:
        encoder = LDPC5GEncoder(k, n, order if order > 1 else None, bg=f"bg{base_graph}")
        bits = random_bits(np.random.default_rng([SEED, k, n]), 2, k)
        arrays[f"ldpc/{len(cases)}/bits"] = packed(bits)
        arrays[f"ldpc/{len(cases)}/coded"] = packed(encoder(bits))
        cases.append({"base_graph": base_graph, "k": k, "n": n, "order": order})
    return cases


def symbols(arrays: Arrays) -> list[dict[str, Any]]:
    """Symbols of random bits, and exact and max-log LLRs after fading and noise."""
    cases = []
    for name, (kind, order) in CONSTELLATIONS.items():
        rng = np.random.default_rng([SEED, order])
        constellation = Constellation(kind, order, precision="double")
        bits = random_bits(rng, 1, SYMBOLS * order)
        x = Mapper(constellation=constellation, precision="double")(bits).numpy()
        arrays[f"mapping/{name}/bits"], arrays[f"mapping/{name}/x"] = packed(bits), x
        for snr_db in DEMAPPER_SNRS_DB:
            no = 10 ** (-snr_db / 10)
            noise, h = (rng.normal(0, 0.5**0.5, (2, 1, SYMBOLS, 2)) @ [1, 1j]).astype(np.complex64)
            y, key = (h * x + no**0.5 * noise).astype(np.complex64), f"llr/{len(cases)}"
            arrays[f"{key}/y"], arrays[f"{key}/h"] = y, h
            for method in ("app", "maxlog"):
                demapper = Demapper(method, constellation=constellation, precision="double")
                # Sionna's demapper knows no gain: it is divided out, and the noise grows with it.
                llr = demapper(y.astype(complex) / h, no / np.abs(h.astype(complex)) ** 2)
                arrays[f"{key}/{method}"] = llr.numpy().astype(np.float32)
            cases.append({"modulation": name, "snr_db": snr_db, "no": no})
    return cases


def block_errors(frames: int) -> list[dict[str, Any]]:
    """Wrong blocks after mapping, AWGN, demapping and sum-product."""
    cases = []
    for base_graph, k, n, name, snrs_db in CHAINS:
        kind, order = CONSTELLATIONS[name]
        encoder = LDPC5GEncoder(k, n, order if order > 1 else None, bg=f"bg{base_graph}")
        decoder = LDPC5GDecoder(encoder, num_iter=ITERATIONS)
        mapper, demapper = Mapper(kind, order), Demapper("app", kind, order)

        @tf.function
        def decide(bits: Any, noise: Any, no: Any) -> Any:
            y = mapper(encoder(bits)) + tf.cast(tf.sqrt(no), tf.complex64) * noise  # noqa: B023
            return decoder(demapper(y, no))  # noqa: B023

        for snr_db in snrs_db:
            rng, wrong, started = np.random.default_rng([SEED, k]), 0, time.perf_counter()
            for _ in range(frames // BATCH):
                bits = random_bits(rng, BATCH, k)
                noise = rng.normal(0, 0.5**0.5, (BATCH, n // order, 2)) @ [1, 1j]
                no = tf.constant(10 ** (-snr_db / 10), tf.float32)
                found = decide(tf.constant(bits), tf.constant(noise, tf.complex64), no)
                wrong += int((found.numpy() != bits).any(axis=1).sum())
            case = {"base_graph": base_graph, "k": k, "n": n, "modulation": name}
            case |= {"snr_db": snr_db, "frames": frames // BATCH * BATCH, "errors": wrong}
            cases.append(case | {"iterations": ITERATIONS})
            print(cases[-1], f"{time.perf_counter() - started:.0f} s", flush=True)
    return cases


def quantized_llrs(rng: np.random.Generator, words: np.ndarray, snr_db: float) -> np.ndarray:
    """LLRs ln p(0) / p(1) of BPSK over AWGN as integers q: the LLR is (q + 1/2) / 8, never zero."""
    variance = 0.5 * 10 ** (-snr_db / 10)
    y = 1.0 - 2.0 * words + rng.normal(0, variance**0.5, words.shape)
    return np.clip(np.floor(8 * 2 * y / variance), -128, 127).astype(np.int8)


def decisions(arrays: Arrays) -> dict[str, Any]:
    """Sionna's decisions block by block on LLRs that are in the file."""
    base_graph, k, n, snr_db, frames = DECODED
    rng = np.random.default_rng([SEED, frames])
    encoder = LDPC5GEncoder(k, n, bg=f"bg{base_graph}")
    bits = random_bits(rng, frames, k)
    q = quantized_llrs(rng, encoder(bits).numpy(), snr_db)
    logits = tf.constant(-(q + 0.5) / 8, tf.float32)
    found = LDPC5GDecoder(encoder, num_iter=ITERATIONS)(logits).numpy()
    arrays["decoded/bits"], arrays["decoded/llr"] = packed(bits), q
    arrays["decoded/found"] = packed(found)
    case = {"base_graph": base_graph, "k": k, "n": n, "snr_db": snr_db, "frames": frames}
    return case | {"iterations": ITERATIONS}


def regular_code(arrays: Arrays) -> dict[str, Any]:
    """Pyldpc's decisions on a regular code, each frame for itself.

    Its decoder goes on with all frames of a call until the last is a codeword, and sets messages
    that have become certain to one: frames that were right by then could turn wrong again.
    """
    n, column_weight, row_weight, snrs_db, frames, iterations = REGULAR
    matrix, generator = pyldpc.make_ldpc(n, column_weight, row_weight, systematic=True, seed=SEED)
    arrays["regular/matrix"] = packed(matrix)
    for i, snr_db in enumerate(snrs_db):
        rng = np.random.default_rng([SEED, i])
        messages = rng.integers(0, 2, (generator.shape[1], frames))
        words = (generator @ messages % 2).T
        q = quantized_llrs(rng, words, snr_db)
        # With snr = 0 dB it takes 2 y for the LLR.
        found = [pyldpc.decode(matrix, row, 0.0, iterations) for row in (q + 0.5) / 16]
        arrays[f"regular/{i}/words"], arrays[f"regular/{i}/llr"] = packed(words), q
        arrays[f"regular/{i}/found"] = packed(found)
    case = {"n": n, "rows": len(matrix), "information": generator.shape[1], "snrs_db": snrs_db}
    return case | {"frames": frames, "iterations": iterations}


def main() -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1000, help="of each block error rate")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "reference.npz")
    options = parser.parse_args()
    arrays: Arrays = {}
    versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    manifest = {
        "versions": versions,
        "seed": SEED,
        "crc": crcs(arrays),
        "ldpc": codewords(arrays),
        "llr": symbols(arrays),
        "symbols": SYMBOLS,
        "decoded": decisions(arrays),
        "regular": regular_code(arrays),
        "chain": block_errors(options.frames),
    }
    np.savez_compressed(options.out, manifest=json.dumps(manifest), **arrays)
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
