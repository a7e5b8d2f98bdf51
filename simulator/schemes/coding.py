"""How a file is sent: modulation, rate, HARQ and decoder, as one value."""

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
    """How files are sent.

    Attributes:
        modulation: "bpsk", "qpsk", "16qam" or "64qam".
        rate: Code rate of the first transmission.
        base_graph: Of the 5G LDPC code, 1 or 2; None for the rule of TS 38.212.
        rv_order: Redundancy versions in turn.
        combining: "ir" or "chase".
        iterations: Of the LDPC decoder, at most.
        give_up: Whether to skip decoding what provably cannot be decoded.
        decoder: LDPC decoder, "numba" or "sionna".
        device: Where "sionna" computes.

    Raises:
        ValueError: When one of them is not allowed.
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
        self.codec(8)  # what is not allowed shows now

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
        """The codec of transport blocks of one size."""
        return _codec(self, payload_bits)

    @property
    def side_information_bits(self) -> int:
        """See `CodingRule`: both ends know it before the run."""
        return 0

    def with_mcs(self, mcs: Mcs) -> Coding:
        """The same with the modulation and the rate of a row of the MCS table."""
        return replace(self, modulation=mcs.modulation, rate=mcs.rate)

    def largest_file_bytes(self, uses: int) -> int:
        """Bytes of the largest file one round of which fits `uses` channel uses."""
        low, high = 0, uses * Modulation(self.modulation).bits_per_symbol // 8 + 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.codec(8 * middle).uses <= uses:
                low = middle
            else:
                high = middle - 1
        return low

    def most_bytes(self, slot: Slot) -> int:
        """See `CodingRule`."""
        return self.largest_file_bytes(slot.uses)

    def for_file(self, file_bytes: int, slot: Slot) -> Coding:
        """See `CodingRule`: always itself."""
        return self


class CodingRule(Protocol):
    """Which coding a file gets in a slot: always the same `Coding`, or an adaptive one."""

    @property
    def side_information_bits(self) -> int:
        """Bits per transmission that tell the receiver what was chosen."""
        ...

    def most_bytes(self, slot: Slot) -> int:
        """Bytes of the largest file that fits one slot, 0 where none does."""
        ...

    def for_file(self, file_bytes: int, slot: Slot) -> Coding:
        """The coding of a file of this size, which may be too large for one slot."""
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
    """One decoder for all sizes: blocks of different files go into it together."""
    return make_decoder(name, device)
