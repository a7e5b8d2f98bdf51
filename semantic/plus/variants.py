"""The schemes of the semharq-plus family: what a burst carries, and what the receiver feeds back.

All of them have the same networks, 64 latent features, and the same receiver. The controls differ
from semharq-plus in one respect each, and each is trained in the way in which it transmits. This
module imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Rule for the features of a burst, see `semantic.plus.schedule.burst_plan`.
Order = Literal["planned", "new", "same"]

#: Name of the scheme semharq-plus.
PLUS = "semharq-plus"


@dataclass(frozen=True)
class PlusVariant:
    """A scheme of the family.

    Attributes:
        summary: One line for `simulate list`.
        order: Rule for the features of a burst.
        feedback: (Bits of each fed-back estimate, bursts of a slot) of the training, in turn; the
            last one is the default of a run.
        one_burst: Whether all channel uses of an image form one burst without feedback.
        hybrid: Whether the first bits of the features are coded, see `semantic.plus.hybrid`.
    """

    summary: str
    order: Order = "planned"
    feedback: tuple[tuple[int, int], ...] = ((0, 1),)
    one_burst: bool = False
    hybrid: bool = False


#: Name -> scheme; each has weights of its own.
VARIANTS: dict[str, PlusVariant] = {
    PLUS: PlusVariant(
        "each use carries the most informative innovation; the receiver feeds estimates back",
        feedback=((0, 1), (1, 2)),
    ),
    "plus-hybrid": PlusVariant(
        "bits of the latent features by rateless short codes, then the rest as analog values",
        hybrid=True,
    ),
    "plus-no-feedback": PlusVariant("semharq-plus trained and run with ACK/NACK alone"),
    "plus-one-burst": PlusVariant(
        "the 64 latent features of semharq-plus in one burst of all channel uses", one_burst=True
    ),
    "plus-ik": PlusVariant(
        "incremental knowledge with the 64 latent features of semharq-plus", order="new"
    ),
    "plus-rt": PlusVariant(
        "retransmission of the first of the 64 latent features of semharq-plus", order="same"
    ),
}
