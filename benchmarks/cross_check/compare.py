"""Compares `phy` with reference.npz and writes results.md.

    python benchmarks/cross_check/compare.py

Runs in the environment of the simulator; `make_reference.py` writes the file in another one. Results
of bit operations must be equal. LLRs may differ by rounding of single precision. Error rates may
differ at random; the comparison of a row fails with probability ALPHA for equal rates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

import phy.coding.crc
from phy.coding.ldpc_code import LdpcCode
from phy.coding.ldpc_decoder import Decoder, NumbaDecoder, SionnaDecoder
from phy.coding.ldpc_encoder import encode
from phy.coding.ldpc_kernel import decode_block
from phy.coding.rate_matching import combine, empty_buffer, match, sent_positions
from phy.modulation import BITS_PER_SYMBOL, Modulation

FOLDER = Path(__file__).parent
OURS, SIONNA = "our kernel", "Sionna 2"
ALPHA = 1e-3
#: Two programs of one algorithm may be wrong about different blocks only where one rounding of
#: many decides: in this share of them.
SAME = 0.01
#: The chain's decoder as it is set in `phy.coding.transport`.
ITERATIONS = 50
#: Largest error of an LLR L, in units of 1 + |L|.
LLR_TOLERANCE = 1e-5

Bits = NDArray[np.uint8]


class Check(NamedTuple):
    """One row of the table."""

    part: str
    case: str
    result: str
    agrees: bool


class Reference:
    """The file: `manifest` says what the arrays are."""

    def __init__(self, path: Path = FOLDER / "reference.npz") -> None:
        with np.load(path) as file:
            self.arrays: dict[str, NDArray[Any]] = {name: file[name] for name in file.files}
        self.manifest: dict[str, Any] = json.loads(str(self.arrays.pop("manifest")))

    def bits(self, name: str, length: int) -> Bits:
        """Rows of `length` bits."""
        return np.unpackbits(self.arrays[name], axis=1, count=length)


def check_crcs(reference: Reference) -> Iterator[Check]:
    """Parity bits of every polynomial, at all lengths."""
    for name in dict.fromkeys(case["name"] for case in reference.manifest["crc"]):
        wrong, lengths = 0, []
        for i, case in enumerate(reference.manifest["crc"]):
            if case["name"] == name:
                word = reference.bits(f"crc/{i}", case["bits"] + case["length"])
                ours = getattr(phy.coding.crc, name).append(word[:, : case["bits"]])
                wrong += int((ours != word).sum())
                lengths.append(case["bits"])
        case = f"{name}, {min(lengths)} to {max(lengths)} bits"
        yield Check("CRC", case, f"{wrong} bits differ", wrong == 0)


def check_codewords(reference: Reference) -> Iterator[Check]:
    """LDPC, rate matching at rv 0, interleaver."""
    for base_graph in (1, 2):
        wrong, total, fillers, sizes = 0, 0, 0, []
        for i, case in enumerate(reference.manifest["ldpc"]):
            if case["base_graph"] == base_graph:
                bits = reference.bits(f"ldpc/{i}/bits", case["k"])
                coded = reference.bits(f"ldpc/{i}/coded", case["n"])
                code = LdpcCode.for_block(case["k"], base_graph)
                positions = sent_positions(code, case["n"], 0, case["order"])
                wrong += int((match(encode(bits, code), positions) != coded).sum())
                total += coded.size
                fillers += code.fillers > 0
                sizes.append(case["k"])
        case = f"base graph {base_graph}, {len(sizes)} codes, k = {min(sizes)} to {max(sizes)}"
        result = f"{wrong} of {total} bits differ ({fillers} codes have fillers)"
        yield Check("LDPC, rv 0", case, result, wrong == 0)


def _turned(symbols: NDArray[Any], name: str) -> NDArray[Any]:
    """Sionna's BPSK lies on the real axis, that of TS 38.211 on the diagonal."""
    return symbols * np.exp(0.25j * np.pi) if name == "bpsk" else symbols


def check_symbols(reference: Reference) -> Iterator[Check]:
    """Bits to symbols."""
    for name, order in BITS_PER_SYMBOL.items():
        bits = reference.bits(f"mapping/{name}/bits", reference.manifest["symbols"] * order)
        expected = _turned(reference.arrays[f"mapping/{name}/x"], name)
        worst = float(np.abs(Modulation(name).map(torch.from_numpy(bits)).numpy() - expected).max())
        yield Check("mapping", name, f"largest difference {worst:.1e}", worst < 1e-6)


def check_llrs(reference: Reference) -> Iterator[Check]:
    """Symbols to LLRs, with a gain and noise for each use."""
    for name in BITS_PER_SYMBOL:
        for method, label in (("app", "exact"), ("maxlog", "max-log")):
            errors, snrs_db = [0.0], []
            for i, case in enumerate(reference.manifest["llr"]):
                if case["modulation"] == name:
                    y, h = (reference.arrays[f"llr/{i}/{a}"] for a in "yh")
                    y = torch.from_numpy(_turned(y, name).astype(np.complex64))
                    no, max_log = case["no"], method == "maxlog"
                    ours = Modulation(name).demap(y, torch.from_numpy(h), no, max_log).numpy()
                    expected = -reference.arrays[f"llr/{i}/{method}"]
                    errors.append(float((np.abs(ours - expected) / (1 + np.abs(expected))).max()))
                    snrs_db.append(case["snr_db"])
            result = f"largest relative difference {max(errors):.1e}"
            case = f"{name}, {label}, {min(snrs_db):g} to {max(snrs_db):g} dB"
            yield Check("LLRs", case, result, max(errors) < LLR_TOLERANCE)


def check_decisions(reference: Reference) -> Iterator[Check]:
    """Decoders on the same LLRs, block by block."""
    case = reference.manifest["decoded"]
    code = LdpcCode.for_block(case["k"], case["base_graph"])
    bits = reference.bits("decoded/bits", code.k)
    theirs = (reference.bits("decoded/found", code.k) != bits).any(axis=1)
    llr = ((reference.arrays["decoded/llr"] + 0.5) / 8).astype(np.float32)
    buffer = combine(empty_buffer(len(llr), code), llr, sent_positions(code, case["n"], 0, 1))
    for name, decoder, iterations in _decoders(case["iterations"]):
        ours = (decoder(buffer, code, iterations).bits != bits).any(axis=1)
        label = f"k = {code.k}, n = {case['n']}, {case['snr_db']:g} dB, {name}"
        yield _paired("same LLRs, 5G code", label, theirs, ours, name != OURS)


def check_regular_code(reference: Reference) -> Iterator[Check]:
    """Decoders on a regular code of Gallager's and pyldpc's LLRs."""
    case = reference.manifest["regular"]
    matrix = reference.bits("regular/matrix", case["n"])
    for i, snr_db in enumerate(case["snrs_db"]):
        words, found = (reference.bits(f"regular/{i}/{a}", case["n"]) for a in ("words", "found"))
        llr = ((reference.arrays[f"regular/{i}/llr"] + 0.5) / 8).astype(np.float32)
        # The kernel returns the columns before the last `rows`: those are compared.
        shown = slice(case["n"] - case["rows"])
        theirs = found[:, shown] != words[:, shown]
        for name, decode in ((OURS, _min_sum), (SIONNA, _sum_product)):
            ours = decode(matrix, llr, case["iterations"])[:, shown] != words[:, shown]
            label = f"n = {case['n']}, {snr_db:g} dB, {name}"
            part = "same LLRs, regular code"
            row = _paired(part, label, theirs.any(axis=1), ours.any(axis=1), name != OURS)
            rates = f"; bit error rate {ours.mean():.4f}, theirs {theirs.mean():.4f}"
            yield row._replace(result=row.result + rates)


def _min_sum(matrix: Bits, llr: NDArray[np.float32], iterations: int) -> Bits:
    """Our kernel: a parity-check matrix is a base graph lifted by one."""
    checks, column = np.nonzero(matrix)
    start = np.searchsorted(checks, np.arange(len(matrix) + 1)).astype(np.int64)
    shift = np.zeros(len(column), np.int64)
    found = np.zeros((len(llr), matrix.shape[1] - len(matrix)), np.uint8)
    for row, word in zip(llr, found, strict=True):
        decode_block(row, word, iterations, start, column.astype(np.int64), shift, 1)
    return found


def _sum_product(matrix: Bits, llr: NDArray[np.float32], iterations: int) -> Bits:
    """Sionna's decoder in this environment, the reference of the decoders."""
    from sionna.phy.fec.ldpc import LDPCBPDecoder

    decoder = LDPCBPDecoder(matrix, num_iter=iterations)
    found: Bits = decoder(torch.from_numpy(-llr)).cpu().numpy().astype(np.uint8)
    return found


def check_error_rates(reference: Reference, sum_product: bool = True) -> Iterator[Check]:
    """The whole chain with noise of its own: our blocks against theirs."""
    for i, case in enumerate(reference.manifest["chain"]):
        code = LdpcCode.for_block(case["k"], case["base_graph"])
        bits, buffer = _received(code, case, np.random.default_rng(i))
        theirs, frames = case["errors"], case["frames"]
        for name, decoder, iterations in _decoders(case["iterations"]):
            if not sum_product and name != OURS:
                continue
            wrong = int((decoder(buffer, code, iterations).bits != bits).any(axis=1).sum())
            # The same algorithm must give the same rate; a better one may win, but not lose.
            side = "greater" if name == OURS else "two-sided"
            table = [[wrong, len(bits) - wrong], [theirs, frames - theirs]]
            chance = float(stats.fisher_exact(table, alternative=side).pvalue)
            label = f"{case['modulation']}, k = {code.k}, n = {case['n']}, {case['snr_db']:g} dB"
            result = f"{wrong} of {len(bits)} wrong, theirs {theirs} of {frames} (p = {chance:.2g})"
            yield Check("block error rate", f"{label}, {name}", result, chance > ALPHA)


def _received(
    code: LdpcCode, case: dict[str, Any], rng: np.random.Generator
) -> tuple[Bits, NDArray[np.float32]]:
    """Information bits and soft buffers after our own mapper, noise and demapper."""
    modulation, no = Modulation(case["modulation"]), 10 ** (-case["snr_db"] / 10)
    bits = rng.integers(0, 2, (case["frames"], code.k), np.uint8)
    positions = sent_positions(code, case["n"], 0, modulation.bits_per_symbol)
    x = modulation.map(torch.from_numpy(match(encode(bits, code), positions)))
    noise = rng.normal(0, (no / 2) ** 0.5, (*x.shape, 2)) @ [1, 1j]
    y = x + torch.from_numpy(noise).to(torch.complex64)
    llr = modulation.demap(y, torch.ones_like(y), no).numpy()
    return bits, combine(empty_buffer(len(bits), code), llr, positions)


def _decoders(iterations: int) -> list[tuple[str, Decoder, int]]:
    """Ours as the chain has it, and Sionna's with the reference's iterations."""
    return [(OURS, NumbaDecoder(), ITERATIONS), (SIONNA, SionnaDecoder(), iterations)]


def _paired(
    part: str, label: str, theirs: NDArray[Any], ours: NDArray[Any], same_algorithm: bool
) -> Check:
    """Which blocks are wrong, block by block; McNemar's exact test on those that differ."""
    worse, better = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    chance = float(stats.binomtest(worse, worse + better).pvalue) if worse + better else 1.0
    counts = f"{int(ours.sum())} of {len(theirs)} blocks wrong, theirs {int(theirs.sum())}"
    result = f"{counts}; only ours {worse}, only theirs {better} (p = {chance:.2g})"
    same = worse + better <= SAME * len(theirs)
    return Check(part, label, result, chance > ALPHA and (same or not same_algorithm))


CHECKS: tuple[Callable[[Reference], Iterator[Check]], ...] = (
    check_crcs,
    check_codewords,
    check_symbols,
    check_llrs,
    check_decisions,
    check_regular_code,
    check_error_rates,
)


def main() -> None:
    """Prints the table and writes it."""
    reference = Reference()
    rows = [row for check in CHECKS for row in check(reference)]
    versions = ", ".join(f"{k} {v}" for k, v in reference.manifest["versions"].items())
    lines = [
        "# The coded chain against other people's code",
        "",
        f"Made by `compare.py`. The reference: {versions}. {sum(row.agrees for row in rows)} of "
        f"{len(rows)} rows agree; error rates at a significance of {ALPHA:g} a row.",
        "",
        "| what | case | measured | agrees |",
        "|---|---|---|---|",
        *(f"| {r.part} | {r.case} | {r.result} | {'yes' if r.agrees else 'NO'} |" for r in rows),
    ]
    (FOLDER / "results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
