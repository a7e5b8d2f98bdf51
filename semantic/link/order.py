"""Order in which the features of f are sent: the features that are new in a slot follow it.

Simulation and training use the same objects. They differ in random orders alone: a run draws them
from a seed that both ends share, training from its generator.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from semantic.conventions import CODED_FEATURES
from semantic.link.buffer import SlotFeatures
from semantic.link.importance import importance
from semantic.link.network import LinkNetwork
from semantic.link.protocol import Protocol
from semantic.link.selector import Selection

#: Seed of the random orders that both ends know.
SHARED_SEED = 2404


class Order(ABC):
    """An order of sending that both ends know."""

    @abstractmethod
    def of_images(self, images: np.ndarray) -> Tensor:
        """Returns positions of f in the order of sending.

        Args:
            images: [batch] int64, numbers of the images.

        Returns:
            int64 [L] where all images share an order, [batch, L] where each has its own.
        """

    @abstractmethod
    def drawn(self, batch: int, generator: torch.Generator) -> Tensor:
        """Returns an order for a batch of training, [L] or [batch, L].

        Args:
            batch: Images of the batch.
            generator: Random numbers of training.
        """


@final
@dataclass(frozen=True)
class FixedOrder(Order):
    """One order for all images.

    Attributes:
        positions: [L] int64.
    """

    positions: Tensor

    def of_images(self, images: np.ndarray) -> Tensor:
        """Returns the order, [L]."""
        return self.positions

    def drawn(self, batch: int, generator: torch.Generator) -> Tensor:
        """Returns the order, [L]; draws nothing."""
        return self.positions


@final
@dataclass(frozen=True)
class RandomOrder(Order):
    """A random order for each image.

    Attributes:
        device: Torch device of the orders.
    """

    device: torch.device

    def of_images(self, images: np.ndarray) -> Tensor:
        """Returns [batch, L], for each image from the shared seed and the image's number."""
        orders = [
            np.random.default_rng([SHARED_SEED, int(i)]).permutation(CODED_FEATURES) for i in images
        ]
        return torch.from_numpy(np.stack(orders)).to(self.device)

    def drawn(self, batch: int, generator: torch.Generator) -> Tensor:
        """Returns [batch, L]."""
        return torch.rand(batch, CODED_FEATURES, generator=generator).argsort(1).to(self.device)


def order_of(protocol: Protocol, network: LinkNetwork) -> Order:
    """Returns the order of a protocol: that of mean importance (FIR), sequential, or random."""
    device = network.order.device
    if protocol.order == "importance":
        return FixedOrder(network.order)
    if protocol.order == "sequential":
        return FixedOrder(torch.arange(CODED_FEATURES, device=device))
    return RandomOrder(device)


def image_importance(
    link: LinkNetwork, f: Tensor, weight: float, power: Callable[[Tensor], Tensor]
) -> Tensor:
    """Returns the importance [batch, L] of each feature of each image, as the transmitter sees it.

    The transmitter evaluates the link once as it expects it to be: f complete, gains at their mean
    power, no noise. The importance follows from f and from the gradient of the predicted classes'
    posteriors, by the criterion of the link's reading.

    Args:
        link: Networks of the scheme; batch normalization must be in evaluation mode.
        f: [batch, L].
        weight: SNR of a feature that the transmitter expects.
        power: Power control of a slot with all of f.

    Source: SemHARQ eq. 13-14.
    """

    def probabilities(f: Tensor) -> tuple[Tensor, ...]:
        place = torch.arange(CODED_FEATURES, device=f.device).expand(len(f), -1)
        all_of_f = Selection(place, torch.ones_like(f, dtype=torch.bool))
        z = power(f)
        matched = weight * z
        if link.reading.parts == "complex":
            matched = torch.complex(matched, torch.zeros_like(matched))
        slot = SlotFeatures(all_of_f, matched, torch.full_like(z, weight))
        return link.decode(link.empty_buffer(len(f)).add(slot))[1].probabilities

    return importance(probabilities, f, criterion=link.reading.criterion)


def ranked(ind: Tensor) -> Tensor:
    """Returns positions [batch, L] in descending importance, ties by position.

    >>> ranked(torch.tensor([[0.0, 2.0, 2.0]]))
    tensor([[1, 2, 0]])
    """
    return ind.argsort(dim=1, descending=True, stable=True)
