"""Coding of a file: modulation, rate, HARQ and decoder, as one value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from phy.coding.ldpc_decoder import Decoder, make_decoder
from phy.coding.mcs import Mcs
from phy.coding.segmentation import select_base_graph
from phy.coding.transport import TransportCodec
from phy.modulation import Modulation
from simulator.scheme_arguments import CodingArguments
from simulator.slots import Slot


@dataclass(frozen=True)
class Coding:
    """Coding of files.

    Attributes:
        modulation: "bpsk", "qpsk", "16qam" or "64qam".
        rate: Code rate of the first transmission.
        base_graph: Base graph of the 5G LDPC code, 1 or 2; None for the rule of TS 38.212.
        rv_order: Redundancy versions of the transmissions in turn.
        combining: "ir" or "chase".
        iterations: Most iterations of the LDPC decoder.
        give_up: Whether to skip blocks that provably cannot be decoded.
        decoder: LDPC decoder, "numba" or "sionna".
        device: Torch device of "sionna".

    Raises:
        ValueError: If one of them is not allowed.
    """

    modulation: str = "16qam"
    rate: float = 0.75
    base_graph: int | None = 1
    rv_order: tuple[int, ...] = (0, 2, 3, 1)
    combining: str = "ir"
    iterations: int = 50
    give_up: bool = True
    decoder: str = "numba"
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise ValueError(f"iterations {self.iterations} is not allowed, it must be at least 1")
        self.codec(8)  # a value that is not allowed raises here

    @classmethod
    def of(cls, arguments: CodingArguments, device: str) -> Coding:
        """Returns the coding of a scheme's arguments.

        With adaptive modulation and rate, any row of the MCS table may replace those given here.

        Args:
            arguments: Checked already.
            device: Torch device of the networks; decoder "auto" decodes there.
        """
        decoder = arguments.decoder
        if decoder == "auto":
            decoder = "sionna" if device.startswith("cuda") else "numba"
        adaptive = arguments.adaptive
        return cls(
            modulation="qpsk" if adaptive else arguments.modulation,
            rate=0.5 if adaptive else float(arguments.rate),
            base_graph=None if arguments.base_graph == "auto" else int(arguments.base_graph),
            rv_order=tuple(int(digit) for digit in arguments.rv_order),
            combining=arguments.combining,
            iterations=arguments.iterations,
            give_up=arguments.give_up,
            decoder=decoder,
            device=device if decoder == "sionna" else "cpu",
        )

    def codec(self, payload_bits: int) -> TransportCodec:
        """Returns the codec of transport blocks of one size."""
        return _codec(self, payload_bits)

    @property
    def side_information_bits(self) -> int:
        """See `CodingRule`: 0, both ends know the coding before the run."""
        return 0

    def with_mcs(self, mcs: Mcs) -> Coding:
        """Returns the same coding with the modulation and the rate of a row of the MCS table."""
        return replace(self, modulation=mcs.modulation, rate=mcs.rate)

    def largest_file_bytes(self, uses: int) -> int:
        """Returns the bytes of the largest file that fits `uses` channel uses in one transmission."""
        low, high = 0, uses * Modulation(self.modulation).bits_per_symbol // 8 + 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.codec(8 * middle).uses <= uses:
                low = middle
            else:
                high = middle - 1
        return low

    def most_bytes(self, slot: Slot, slots: int = 1) -> int:
        """See `CodingRule`."""
        return self.largest_file_bytes(slots * slot.uses)

    def for_file(self, file_bytes: int, slot: Slot, slots: int = 1) -> Coding:
        """See `CodingRule`: always this coding."""
        return self


class CodingRule(Protocol):
    """Chooses the coding of a file in a slot: always the same `Coding`, or an adaptive one."""

    @property
    def side_information_bits(self) -> int:
        """Bits per transmission that signal the choice to the receiver."""
        ...

    def most_bytes(self, slot: Slot, slots: int = 1) -> int:
        """Returns the bytes of the largest file that fits a number of slots; 0 if none does."""
        ...

    def for_file(self, file_bytes: int, slot: Slot, slots: int = 1) -> Coding:
        """Returns the coding of a file of this size, which may need several times as many slots."""
        ...


@lru_cache(maxsize=16384)
def _codec(coding: Coding, payload_bits: int) -> TransportCodec:
    graph = coding.base_graph
    return TransportCodec(
        payload_bits,
        coding.rate,
        coding.modulation,
        select_base_graph(payload_bits, coding.rate) if graph is None else graph,
        coding.rv_order,
        coding.combining,  # type: ignore[arg-type]
        coding.iterations,
        coding.give_up,
        _decoder(coding.decoder, coding.device),
    )


@lru_cache(maxsize=8)
def _decoder(name: str, device: str) -> Decoder:
    """Returns one decoder for all sizes: it decodes blocks of different files together."""
    return make_decoder(name, device)
