"""When the transmission of an image stops: after one slot, after all of f, or by a criterion.

Simulation and training use the same objects. Training has no answers: there the number of
transmissions of a batch is drawn.

The criterion compares receive-SNR with uncertainty. An image is acknowledged once its receive-SNR is
above theta_0 (1 + U), U the mean entropy of the tasks' posteriors. U is not below 0: with a
receive-SNR of at most theta_0 the answer is a NACK for any posteriors, and the tasks need not be
computed before the image's last slot.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from semantic.conventions import CODED_FEATURES
from semantic.link.protocol import Transmissions
from semantic.tasks import TaskOutputs, put_rows, rows_to_compute

#: Rows of the batch [rows] int64 -> the tasks' outputs on what these images have received.
Decode = Callable[[Tensor], TaskOutputs]

#: Why an image stopped, by `Answer.reason`.
REASONS = ("transmissions used up", "stopping criterion met", "one shot", "all of f sent")


@dataclass(frozen=True)
class Decoded:
    """The tasks' outputs of the images of a batch that have been decoded.

    Attributes:
        outputs: Of these images.
        place: [batch] int64, row of each image in the outputs; -1 if it has not been decoded.
    """

    outputs: TaskOutputs
    place: Tensor

    def take(self, index: Tensor) -> Decoded:
        """Returns those of some of the images; copies no outputs, which are wide."""
        return Decoded(self.outputs, self.place[index])


class Answer(NamedTuple):
    """The receiver's decision after a slot.

    Attributes:
        ack: [batch] bool.
        reason: [batch] int8, index into `REASONS`; 0 where transmission goes on.
        outputs: The tasks' outputs of the images with a receive-SNR above theta_0; None if the
            tasks were not computed.
    """

    ack: Tensor
    reason: Tensor
    outputs: Decoded | None = None


class Stopping(ABC):
    """A rule for the end of transmission.

    Attributes:
        open_loop: Whether the number of slots is fixed, so that the transmitter needs no answers.
    """

    open_loop: bool = True

    @abstractmethod
    def transmissions(self, B: int, most: int) -> int:
        """Returns the most slots of an image.

        Args:
            B: Features of a slot.
            most: G_max of the run.
        """

    @abstractmethod
    def training_slots(self, B: int, draw: float, most: int) -> tuple[int, int]:
        """Returns (features of a slot, slots) of a batch of training.

        Args:
            B: Features of a slot in a run.
            draw: Random number in [0, 1).
            most: Most slots in training.
        """

    @abstractmethod
    def answer(self, covered: Tensor, received_snr: Tensor, decode: Decode) -> Answer:
        """Returns ACK or NACK.

        Args:
            covered: [batch, L] bool, features sent so far.
            received_snr: [batch] SNR_r of eq. 17 so far.
            decode: Decodes and performs the tasks; called only by rules that need it.
        """

    def final_outputs(
        self, decode: Decode, received_snr: Tensor, outputs: Decoded | None
    ) -> TaskOutputs:
        """Returns the tasks' outputs after the last slot.

        Args:
            decode: As in `answer`.
            received_snr: As in `answer`.
            outputs: `Answer.outputs` after that slot.
        """
        return decode(torch.arange(len(received_snr), device=received_snr.device))


@final
class OneSlot(Stopping):
    """One slot."""

    def transmissions(self, B: int, most: int) -> int:
        """Returns 1."""
        return 1

    def training_slots(self, B: int, draw: float, most: int) -> tuple[int, int]:
        """Returns one slot of B features."""
        return B, 1

    def answer(self, covered: Tensor, received_snr: Tensor, decode: Decode) -> Answer:
        """Acknowledges every image."""
        done = torch.ones_like(received_snr, dtype=torch.bool)
        return Answer(done, done.to(torch.int8) * REASONS.index("one shot"))


@final
class AllFeatures(Stopping):
    """As many slots as all of f takes."""

    def transmissions(self, B: int, most: int) -> int:
        """Returns ceil(L / B)."""
        return -(-CODED_FEATURES // B)

    def training_slots(self, B: int, draw: float, most: int) -> tuple[int, int]:
        """Returns one slot with all features: fading differs from feature to feature anyway."""
        return CODED_FEATURES, 1

    def answer(self, covered: Tensor, received_snr: Tensor, decode: Decode) -> Answer:
        """Acknowledges the images all of whose features have been sent."""
        done = covered.all(1)
        return Answer(done, done.to(torch.int8) * REASONS.index("all of f sent"))


@final
@dataclass(frozen=True)
class StoppingCriterion(Stopping):
    """HARQ: until the receive-SNR outweighs the uncertainty, or G_max (SemHARQ eq. 16 to 18).

    Attributes:
        theta_0: Receive-SNR that one nat of uncertainty requires, linear.
    """

    theta_0: float
    open_loop: bool = False

    def transmissions(self, B: int, most: int) -> int:
        """Returns G_max."""
        return most

    def training_slots(self, B: int, draw: float, most: int) -> tuple[int, int]:
        """Returns slots of B features, 1 to `most` of them with equal probability."""
        return B, 1 + int(draw * most)

    def answer(self, covered: Tensor, received_snr: Tensor, decode: Decode) -> Answer:
        """Acknowledges the images that meet the criterion."""
        return self.decide(received_snr, decode)

    def decide(self, received_snr: Tensor, decode: Decode) -> Answer:
        """Returns the answer, which does not depend on the features sent so far."""
        ack = torch.zeros_like(received_snr, dtype=torch.bool)
        rows = rows_to_compute(received_snr > self.theta_0)
        if not len(rows):
            return Answer(ack, ack.to(torch.int8))
        some = decode(rows)
        ack[rows] = received_snr[rows] > self.target(some)  # which is at least theta_0
        place = torch.full(ack.shape, -1, device=rows.device)
        place[rows] = torch.arange(len(rows), device=rows.device)
        return Answer(ack, ack.to(torch.int8), Decoded(some, place))

    def target(self, outputs: TaskOutputs) -> Tensor:
        """Returns min(theta_0 (1 + U), theta_0 (1 + log M)) [batch], eq. 16 and section V-B.

        M is the total number of classes of all tasks; entropies are in nats.
        """
        classes = sum(x.shape[1] for x in (outputs.vehicle, outputs.color, outputs.type))
        return self.theta_0 * (1 + outputs.uncertainty().clamp(0, math.log(classes)))

    def final_outputs(
        self, decode: Decode, received_snr: Tensor, outputs: Decoded | None
    ) -> TaskOutputs:
        """Returns the tasks' outputs; decodes only the images that `answer` left out."""
        if outputs is None:
            return super().final_outputs(decode, received_snr, outputs)
        known = TaskOutputs(*(value[outputs.place] for value in outputs.outputs))
        if received_snr.device.type != "cpu":  # `rows_to_compute` were all
            return known
        rows = (outputs.place < 0).nonzero().flatten()
        return put_rows(known, rows, decode(rows), len(received_snr)) if len(rows) else known


def stopping_of(transmissions: Transmissions, theta_0: float = 1.0) -> Stopping:
    """Returns the rule of a protocol.

    Args:
        transmissions: `Protocol.transmissions`.
        theta_0: Of the criterion, linear; training does not use it.
    """
    if transmissions == "one":
        return OneSlot()
    return AllFeatures() if transmissions == "all" else StoppingCriterion(theta_0)
