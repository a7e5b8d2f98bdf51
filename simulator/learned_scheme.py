"""The contract of a scheme with networks of its own, which `simulate train` trains."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from phy.channel import Channel, Received
from phy.streams import training_streams
from semantic.training.labels import Labels
from simulator.budget import check_power
from simulator.scheme import Burst, Scheme
from simulator.slots import Slot


@dataclass
class TrainingBatch:
    """A batch of training images, and the channel that they may be sent over.

    Attributes:
        s: [batch, 1024] float32, the encoder's features of the images; they have no gradient.
        labels: Labels of the images, int64 [batch] each; -1 where unknown.
        slot: The slot of the batch: its SNR is drawn anew for each batch.
        generator: Source of random numbers of one's own, seeded by the step alone.
        channel: The channel of the training.
    """

    s: Tensor
    labels: Labels
    slot: Slot
    generator: torch.Generator
    channel: Channel
    _memory: Any = field(default=None, repr=False)
    _sent: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        self._streams = training_streams(self.generator, len(self.s), str(self.s.device))

    def send(self, x: Tensor) -> Received:
        """Sends a burst of each image; a gradient flows from the received y to x.

        Every call is another transmission of the same images: a channel with memory goes on.

        Args:
            x: [batch, uses] complex64, of power 1 per use on average at most.

        Returns:
            (y, h, no) as `Scheme.receive` gets them.

        Raises:
            ValueError: If x has the wrong shape or type, or breaks the power constraint.
        """
        if x.ndim != 2 or len(x) != len(self.s) or x.dtype != torch.complex64:
            raise ValueError(
                f"x is {x.dtype} {list(x.shape)}, it must be complex64 [{len(self.s)}, uses]"
            )
        check_power(Burst(x.detach(), torch.full((len(x),), x.shape[1])))
        rows = self._streams.rows(np.arange(len(x)), self._sent)
        h, self._memory = self.channel.draw(rows.for_role("fading"), x.shape[1], self._memory)
        self._sent += 1
        return self.channel.apply(x, h, self.slot.no, rows.for_role("noise"))


class LearnedScheme(Scheme):
    """A scheme with networks of its own: `simulate train --scheme module:MyScheme` trains them.

    The class is made with `networks`, the networks of the run. `networks.trained(module, name)`
    declares a network of its own and the file `name.safetensors` of its weights. In training, the
    module starts from its random initial values, which depend on --seed alone.
    """

    @abstractmethod
    def training_loss(self, batch: TrainingBatch) -> Tensor | Mapping[str, Tensor]:
        """Returns the loss of a batch.

        Args:
            batch: Features, labels, SNR and channel.

        Returns:
            A scalar with a gradient, or several by name, whose sum is minimized and each of which
            the log shows.
        """
