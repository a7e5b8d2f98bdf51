"""Builds the schemes that send coded bits: one function for each name of the catalogue."""

from __future__ import annotations

from simulator.image_codecs import ImageCodec
from simulator.scheme import Scheme
from simulator.schemes.conventional import Coding, Conventional
from simulator.slots import Slot
from simulator.stack import Stack


def jpeg_ldpc_bpsk(
    stack: Stack,
    codec: str = "jpeg",
    quality: int | str = "fit",
    rate: float = 0.75,
    on_failure: str = "best-effort",
) -> Scheme:
    """SMSC-FIR's traditional method: one shot."""
    coding = Coding("bpsk", float(rate))
    return _conventional(stack, coding, codec, quality, on_failure, harq=False)


def jpeg_ldpc_16qam_harq(
    stack: Stack,
    codec: str = "jpeg",
    quality: int | str = "fit",
    modulation: str = "16qam",
    rate: float = 0.75,
    base_graph: int = 1,
    rv_order: str = "0231",
    combining: str = "ir",
    iterations: int = 50,
    give_up: int = 1,
    on_failure: str = "best-effort",
) -> Scheme:
    """SemHARQ's traditional type-II HARQ: incremental redundancy until the CRC holds."""
    versions = tuple(int(version) for version in str(rv_order).zfill(4))
    coding = Coding(
        modulation, float(rate), base_graph, versions, combining, iterations, bool(give_up)
    )
    return _conventional(stack, coding, codec, quality, on_failure, harq=True)


def _conventional(
    stack: Stack, coding: Coding, codec: str, quality: int | str, on_failure: str, harq: bool
) -> Scheme:
    if isinstance(quality, str) and quality != "fit":
        raise ValueError(f"quality {quality!r} is not allowed, it must be 1 to 95, or fit")
    source = ImageCodec(codec, quality if isinstance(quality, int) else None)
    uses = Slot(0.0, stack.spec.slot_s, stack.spec.bandwidth).uses
    coding.codec(1)  # what is not allowed shows now
    return Conventional(coding, source, uses, harq, on_failure)
