"""The learned schemes' protocols: all that they differ in once the networks have one shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Order = Literal["importance", "sequential", "random"]
Retransmit = Literal["distorted", "none", "all"]
Transmissions = Literal["harq", "one", "all"]
Detector = Literal["fde", "fde-csi", "received", "oracle"]

#: Those whose distortion a network judges, which is trained.
TRAINED_DETECTORS: tuple[Detector, ...] = ("fde", "fde-csi")


@dataclass(frozen=True)
class Protocol:
    """Which features each slot carries, and when it ends.

    Attributes:
        order: In which order features that are new are sent: by mean importance (FIR), as they
            stand in f, or in a random order of each image's own, which both ends draw from a
            shared seed.
        retransmit: Which of the latest slot's features come first in the next one: those that the
            receiver finds distorted, none (incremental knowledge), all (retransmission only).
        transmissions: "harq" until the receiver is certain enough; "one" slot; "all" slots that f takes.
        detector: How the receiver finds distortion: the FDE network F on z_hat, F also told the
            reliability of each feature, z_hat itself (the papers' ablation), or a genie who sees
            the true errors.
    """

    order: Order = "importance"
    retransmit: Retransmit = "distorted"
    transmissions: Transmissions = "harq"
    detector: Detector | None = None


#: Schemes by name (spec section 6), each with weights of its own.
PROTOCOLS: dict[str, Protocol] = {
    "semharq": Protocol(detector="fde"),
    "semharq-no-fde": Protocol(detector="received"),
    "semharq-sst": Protocol(order="sequential", detector="fde"),
    "semharq-csi": Protocol(detector="fde-csi"),
    "semharq-oracle": Protocol(detector="oracle"),
    "ik-s-harq": Protocol(retransmit="none"),
    "rt-s-harq": Protocol(retransmit="all"),
    "smsc-fir": Protocol(retransmit="none", transmissions="one"),
    "smsc-sequential": Protocol(order="sequential", retransmit="none", transmissions="one"),
    "smsc-random": Protocol(order="random", retransmit="none", transmissions="one"),
    "smsc-complete": Protocol(retransmit="none", transmissions="all"),
}

#: Single-task coding (SMSC-FIR, Table 1): three encoders and links by this protocol, each trained
#: for one task.
SINGLE_TASK, SINGLE_TASK_PROTOCOL = "smsc-stc", "smsc-fir"


def single_task_directory(task: str) -> str:
    """Where one task's encoder and link lie, below the directory of the weights."""
    return f"stc-{task}"
