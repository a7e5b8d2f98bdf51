"""The learned schemes and their protocols; their networks have the same shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Order = Literal["importance", "sequential", "random"]
Retransmit = Literal["distorted", "share", "none", "all"]
Transmissions = Literal["harq", "one", "all"]
Detector = Literal["fde", "fde-csi", "received", "oracle", "magnitude", "coin"]

#: Detectors that are networks, which are trained.
TRAINED_DETECTORS: tuple[Detector, ...] = ("fde", "fde-csi")


@dataclass(frozen=True)
class Protocol:
    """Which features each slot carries, and when transmission ends.

    Attributes:
        order: Order of new features (`semantic.link.order`): by mean importance (FIR), sequential,
            or random, a different order for each image that both ends draw from a shared seed.
        retransmit: Features of the latest slot that are retransmitted
            (`semantic.link.retransmission`): those that the receiver finds distorted, a fixed share
            with the largest distortion, none (incremental knowledge), or all (retransmission only).
        transmissions: When transmission stops (`semantic.link.stopping`): "harq", once the stopping
            criterion is met; "one", after one slot; "all", once all of f is sent.
        detector: How the receiver detects distortion: the FDE network F on z_hat ("fde"), F that
            also reads the reliability of each feature ("fde-csi"), z_hat itself ("received", the
            papers' ablation), the true errors ("oracle"), |z_hat| ("magnitude"), or a random
            number ("coin"); None if it detects none.
    """

    order: Order = "importance"
    retransmit: Retransmit = "distorted"
    transmissions: Transmissions = "harq"
    detector: Detector | None = None


@dataclass(frozen=True)
class LearnedScheme:
    """A learned scheme: its protocol and its weights.

    Attributes:
        summary: One line for lists.
        protocol: How it sends features.
        baseline: Whether the papers propose another scheme and compare this one with it.
        weights: Scheme whose weights it uses; None for weights of its own.
    """

    summary: str
    protocol: Protocol
    baseline: bool = False
    weights: str | None = None


#: The learned schemes with weights of their own by name; the only list of them.
LEARNED: dict[str, LearnedScheme] = {
    "semharq": LearnedScheme(
        "semantic HARQ: retransmits distorted features, then sends the next most important ones",
        Protocol(detector="fde"),
    ),
    "semharq-no-fde": LearnedScheme(
        "SemHARQ without F: retransmits the features with the largest z_hat",
        Protocol(detector="received"),
    ),
    "semharq-sst": LearnedScheme(
        "SemHARQ that sends f in sequential order",
        Protocol(order="sequential", detector="fde"),
    ),
    "semharq-csi": LearnedScheme(
        "SemHARQ whose F also reads the reliability of each feature",
        Protocol(detector="fde-csi"),
    ),
    "semharq-oracle": LearnedScheme(
        "SemHARQ with the true errors in place of F: an upper bound", Protocol(detector="oracle")
    ),
    "ik-s-harq": LearnedScheme(
        "incremental knowledge: new features in every slot",
        Protocol(retransmit="none"),
        baseline=True,
    ),
    "rt-s-harq": LearnedScheme(
        "retransmission: the B most important features in every slot",
        Protocol(retransmit="all"),
        baseline=True,
    ),
    "smsc-fir": LearnedScheme(
        "one slot with the most important features",
        Protocol(retransmit="none", transmissions="one"),
    ),
    "smsc-sequential": LearnedScheme(
        "one slot with the first features of f",
        Protocol(order="sequential", retransmit="none", transmissions="one"),
        baseline=True,
    ),
    "smsc-random": LearnedScheme(
        "one slot with random features",
        Protocol(order="random", retransmit="none", transmissions="one"),
        baseline=True,
    ),
    "smsc-complete": LearnedScheme(
        "all of f in as many slots as it needs: an upper bound",
        Protocol(retransmit="none", transmissions="all"),
    ),
}

#: Controls: SemHARQ with its own weights, and another detector in place of F. They retransmit as many
#: features as SemHARQ on average.
CONTROLS: dict[str, LearnedScheme] = {
    "semharq-magnitude": LearnedScheme(
        "SemHARQ's weights; retransmits the features with the largest |z_hat|",
        Protocol(retransmit="share", detector="magnitude"),
        weights="semharq",
    ),
    "semharq-coin": LearnedScheme(
        "SemHARQ's weights; retransmits features at random",
        Protocol(retransmit="share", detector="coin"),
        weights="semharq",
    ),
    "semharq-genie": LearnedScheme(
        "SemHARQ's weights; retransmits the features with the largest true errors",
        Protocol(retransmit="share", detector="oracle"),
        weights="semharq",
    ),
}

#: Protocols of the schemes with weights of their own by name.
PROTOCOLS = {name: scheme.protocol for name, scheme in LEARNED.items()}

#: Single-task coding (SMSC-FIR, Table 1): three encoders and links with this protocol, each trained
#: for one task.
SINGLE_TASK, SINGLE_TASK_PROTOCOL = "smsc-stc", "smsc-fir"


def single_task_directory(task: str) -> str:
    """Returns the directory of one task's encoder and link, relative to that of the weights."""
    return f"stc-{task}"
