"""The arguments of the built-in schemes: --scheme-arg NAME=VALUE, `scheme_args` of a `RunSpec`.

This module imports no torch, so that `simulate list` starts quickly. Lists of names that belong to
`phy` or `semantic` are repeated here; a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from semantic.link.protocol import Protocol
from semantic.link.reading import LinkReading
from simulator.arguments import Arguments, argument

#: Names in `phy.equalizer.COMBINERS`.
EQUALIZERS = ("none", "zf", "mmse", "mrc")
#: Value of an argument that leaves it to the reading with which the link was trained.
TRAINED = "trained"
#: Value of `link`: the scheme's own networks.
OWN_LINK = "own"
#: Smallest and largest of `semantic.link.network.RATIOS`.
RATIO_LIMITS = (0.25, 0.75)
#: Names in `phy.modulation.BITS_PER_SYMBOL`.
MODULATIONS = ("bpsk", "qpsk", "16qam", "64qam")
#: `phy.coding.transport.MIN_RATE` and `MAX_RATE`.
RATE_LIMITS = (30 / 1024, 948 / 1024)
#: Value of modulation and rate that leaves both to the channel statistics.
ADAPTIVE = "adaptive"
#: TS 38.214 clause 5.2.2.1: largest error rate that a channel quality report may promise.
TARGET_BLER = 0.1
#: Largest |theta_0| in dB: its linear value and every sum with it stay finite in float32.
MOST_THETA_DB = 300.0


def theta_0_argument() -> Any:
    """Declares theta_0 in dB."""
    return argument(
        1.0,
        "theta_0 in dB: receive-SNR that one nat of uncertainty requires before an ACK",
        least=-MOST_THETA_DB,
        most=MOST_THETA_DB,
    )


def features_per_use_argument() -> Any:
    """Declares the number of features on a channel use."""
    return argument(1, "features on a channel use: 1 on I, or 2 on I and Q", allowed=(1, 2))


def equalizer_argument() -> Any:
    """Declares the equalizer before the receive buffer."""
    return argument(
        TRAINED,
        "equalizer before the receive buffer; trained: the one of the link's training",
        words=(TRAINED,),
        allowed=EQUALIZERS,
    )


@dataclass(frozen=True)
class NoArguments(Arguments):
    """A scheme without arguments."""


@dataclass(frozen=True)
class SemanticHarqArguments(Arguments):
    """Arguments of the learned schemes that send f feature by feature."""

    theta_0_db: float = theta_0_argument()
    features_per_use: int = features_per_use_argument()
    ratio: float = argument(
        0.5,
        "average share of a retransmission slot that the receiver requests again",
        least=RATIO_LIMITS[0],
        most=RATIO_LIMITS[1],
    )
    equalizer: str = equalizer_argument()
    importance: str = argument(
        TRAINED,
        "importance of a feature: the mean over the training set, or of each image; trained: as in "
        "the link's training",
        words=(TRAINED,),
        allowed=("mean", "image"),
    )
    positions: str = argument(
        TRAINED,
        "positions with importance=image: in headers, known for free, or free and every value sent "
        "is 1; trained: as in the link's training",
        words=(TRAINED,),
        allowed=("header", "free", "destroyed"),
    )

    link: str = argument(
        OWN_LINK,
        "networks of a baseline: its own, or those that were trained with all of f sent",
        allowed=(OWN_LINK, "smsc-complete"),
    )

    def trained(self, reading: LinkReading, protocol: Protocol) -> SemanticHarqArguments:
        """Returns the arguments with those of the link's reading where they are left to it.

        Raises:
            ValueError: If two features share a use whose parts the decoder reads apart, or positions
                are given where all images share an order.
        """
        if reading.parts == "complex" and self.features_per_use == 2:
            raise ValueError("features_per_use 2 needs a link whose reading has parts=real")
        equalizer = reading.equalizer if self.equalizer == TRAINED else self.equalizer
        own = "image" if reading.own_order(protocol) else "mean"
        importance = own if self.importance == TRAINED else self.importance
        if importance == "mean" and self.positions not in (TRAINED, "header"):
            raise ValueError(f"positions {self.positions} needs importance=image")
        positions = self.positions
        if positions == TRAINED:
            positions = reading.positions if importance == "image" else "header"
        return replace(self, equalizer=equalizer, importance=importance, positions=positions)


@dataclass(frozen=True)
class SemharqPlusArguments(Arguments):
    """Arguments of semharq-plus and of its controls."""

    theta_0_db: float = theta_0_argument()
    estimate_bits: int = argument(
        1, "bits of each estimate that is fed back; 0 for ACK/NACK alone", least=0, most=8
    )
    bursts_per_slot: int = argument(
        2, "bursts that share a slot; 1 without estimates", least=1, most=1024
    )
    equalizer: str = equalizer_argument()
    features_per_use: int = features_per_use_argument()
    order: str = argument(
        "planned",
        "features of a burst: planned by their error variances, new ones, or the same ones",
        allowed=("planned", "new", "same"),
    )
    one_burst: bool = argument(
        False, "1: all channel uses of an image form one burst, without feedback"
    )


@dataclass(frozen=True)
class SingleTaskArguments(Arguments):
    """Arguments of single-task coding."""

    share: str = argument(
        "third",
        "part of a slot for each network: a third of the bandwidth, or the full slot",
        allowed=("third", "full"),
    )
    features_per_use: int = features_per_use_argument()
    equalizer: str = equalizer_argument()


@dataclass(frozen=True)
class DeepJsccArguments(Arguments):
    """Arguments of the joint source-channel coding of whole images."""

    channels: int = argument(
        10,
        "channels c of the latent map: an image takes c / 96 channel uses per color value, 2 880 uses "
        "for c = 10 and 96 x 96 pixels; each c has its own weights",
        least=1,
        most=512,
    )


@dataclass(frozen=True)
class CodingArguments(Arguments):
    """Channel coding, modulation and HARQ of all schemes that send bits."""

    modulation: str = argument(
        "16qam",
        "modulation; adaptive, with rate=adaptive if there is a rate, follows the channel statistics",
        allowed=(*MODULATIONS, ADAPTIVE),
    )
    rate: float | str = argument(
        0.75,
        "code rate of the first transmission",
        words=(ADAPTIVE,),
        least=RATE_LIMITS[0],
        most=RATE_LIMITS[1],
    )
    target_bler: float = argument(
        TARGET_BLER,
        "with adaptive: largest predicted block error rate of the first transmission",
        least=0,
        most=1,
        open_ends=True,
    )
    base_graph: int | str = argument(
        1, "LDPC base graph; auto follows TS 38.212", allowed=(1, 2), words=("auto",)
    )
    rv_order: str = argument(
        "0231",
        "redundancy versions of the transmissions in turn",
        pattern="[0-3]{1,64}",
        example="redundancy versions, digits such as 0231",
    )
    combining: str = argument(
        "ir",
        "incremental redundancy, or chase combining of the first redundancy version",
        allowed=("ir", "chase"),
    )
    harq: bool = argument(True, "0: one transmission, no retransmission")
    iterations: int = argument(50, "most iterations of the LDPC decoder", least=1, most=10_000)
    give_up: bool = argument(True, "1: skip blocks that provably cannot be decoded")
    decoder: str = argument(
        "auto",
        "LDPC decoder; auto: numba on a CPU, sionna on a GPU",
        allowed=("auto", "numba", "sionna"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.modulation == ADAPTIVE) != (self.rate == ADAPTIVE):
            raise ValueError(
                f"modulation {self.modulation} with rate {self.rate} is not allowed: "
                "give both, or none"
            )

    @property
    def adaptive(self) -> bool:
        """Whether modulation and rate follow the channel statistics."""
        return self.modulation == ADAPTIVE


@dataclass(frozen=True)
class ImageFileArguments(CodingArguments):
    """Arguments of the schemes that send images as files."""

    codec: str = argument("jpeg", "source codec: a name of `simulate list`, or module:Class")
    quality: int | str = argument(
        "fit", "quality of the file; fit: the best whose file fits a slot",
        words=("fit",), least=1, most=95,
    )  # fmt: skip
    retransmission: str = argument(
        "block",
        "what is retransmitted: the transport block, or its wrong code-block groups",
        allowed=("block", "group"),
    )
    groups: int = argument(
        8, "with retransmission=group: most code-block groups of a file", least=1, most=1024
    )
    on_failure: str = argument(
        "best-effort",
        "image of a file whose CRC never holds: decoded up to the first error, gray, or with errors",
        allowed=("best-effort", "drop", "with-errors"),
    )


@dataclass(frozen=True)
class DigitalFeaturesArguments(CodingArguments):
    """Arguments of the scheme that sends quantized features."""

    bits: int = argument(2, "bits of each quantized feature", least=1, most=10)
    quantizer: str = argument(
        "lloyd-max", "quantizer of the features", allowed=("lloyd-max", "uniform")
    )
    fill: str = argument(
        "budget",
        "what a block fills with --budget uses: all channel uses of an image, or those of a slot",
        allowed=("budget", "slot"),
    )


@dataclass(frozen=True)
class DigitalVqArguments(Arguments):
    """Arguments of the scheme that sends vector-quantized features with short codes."""

    theta_0_db: float = theta_0_argument()
    confidence: float = argument(
        0.0,
        "probability that each sent block is right, which an ACK requires too",
        least=0,
        most=1,
    )
    code: str = argument(
        "auto",
        "channel code: short codes with ML decoding, polar codes with CRC and list decoding",
        allowed=("auto", "ml", "polar"),
    )
    modulation: str = argument(
        ADAPTIVE,
        "modulation; adaptive, with rate=adaptive if there is a rate, follows the channel statistics",
        allowed=(*MODULATIONS, ADAPTIVE),
    )
    slots_per_block: int = argument(
        0, "slots that share the code words of a block; 0 for the expected best", least=0, most=64
    )
    blocks_per_slot: int = argument(
        0, "code words of a slot (short codes); 0 for the expected best", least=0, most=64
    )
    uses_per_slot: int = argument(
        0, "channel uses of each transmission; 0 for B", least=0, most=65536
    )
    list_size: int = argument(
        8, "paths of the list decoder of polar codes", allowed=(1, 2, 4, 8, 16, 32)
    )
