"""The networks of feature-jscc-f: coding with channel-output feedback, learned as a whole.

The transmitter knows what the receiver got in all bursts so far. A network computes the next burst
from s and from these received values, as DeepJSCC-f does with images.

Source: Kurka and Gunduz, "DeepJSCC-f: Deep joint source-channel coding of images with feedback",
IEEE JSAIT 2020 (noisy or noiseless channel-output feedback, a layered encoder, one decoder).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from semantic.conventions import SEMANTIC_FEATURES
from semantic.tasks import LEAKY_SLOPE

#: Numbers that the network computes for a burst; a longer burst repeats them.
NUMBERS = 64
#: Bursts that are kept apart; the next ones add to the first again.
BURSTS = 4
#: Widths of the hidden layers.
SOURCE_WIDTH, HIDDEN = 256, 512
#: Share of a new batch in the running scale of s.
MOMENTUM = 0.01


@dataclass(frozen=True)
class Observations:
    """What was received of each number of each burst.

    Attributes:
        matched: Sum over the repetitions of SNR times the received value.
        weight: Sum of their SNRs, linear; 0 for what was not sent.
    """

    matched: Float[Tensor, "batch bursts numbers"]
    weight: Float[Tensor, "batch bursts numbers"]

    @classmethod
    def empty(cls, batch: int, device: torch.device | str = "cpu") -> Observations:
        """Returns the state before the first burst."""
        zero = torch.zeros(batch, BURSTS, NUMBERS, device=device)
        return cls(zero, zero)

    def add(
        self,
        burst: int,
        matched: Float[Tensor, "batch places"],
        weight: Float[Tensor, "batch places"],
    ) -> Observations:
        """Returns the state after a burst, whose places carry the numbers 0, 1, ... in turn.

        >>> one = torch.ones(1, NUMBERS + 1)
        >>> Observations.empty(1).add(0, one, 2 * one).weight[0, 0, :2]
        tensor([4., 2.])
        """
        index, found = burst % BURSTS, []
        for old, new in ((self.matched, matched), (self.weight, weight)):
            total = old.clone()
            # Chunk after chunk, so that every device adds in the same order.
            for part in new.split(NUMBERS, 1):
                total[:, index, : part.shape[1]] = total[:, index, : part.shape[1]] + part
            found.append(total)
        return Observations(*found)

    def inputs(self) -> Float[Tensor, "batch inputs"]:
        """Returns the MMSE estimates of numbers of unit variance, and their reliabilities.

        >>> Observations.empty(2).inputs().shape
        torch.Size([2, 512])
        """
        reliability = self.weight / (1 + self.weight)
        return torch.cat([(self.matched / (1 + self.weight)).flatten(1), reliability.flatten(1)], 1)

    def take(self, index: Int[Tensor, " rows"]) -> Observations:
        """Returns the observations of some of the images."""
        return replace(self, matched=self.matched[index], weight=self.weight[index])


class OutputFeedbackNetwork(nn.Module):
    """Encoder and decoder of feature-jscc-f.

    ```
    s -> FC ----+-> FC, FC -> numbers of burst j -> power -> channel
                |                                              |
                +-- observations of bursts 1 ... j - 1 <-------+
                                   observations of all bursts -> FC, FC -> s_hat
    ```

    There is no batch normalization: the images of a training batch share one SNR, which its
    statistics would remove.

    Attributes:
        scale: Running root mean square of each feature of s in training, [N].
    """

    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        seen = 2 * BURSTS * NUMBERS
        self.source = nn.Linear(SEMANTIC_FEATURES, SOURCE_WIDTH)
        self.hidden = nn.Linear(SOURCE_WIDTH + seen + BURSTS, HIDDEN)
        self.numbers = nn.Linear(HIDDEN, NUMBERS)
        self.received = nn.Linear(seen, HIDDEN)
        self.restored = nn.Linear(HIDDEN, SEMANTIC_FEATURES)
        self.register_buffer("scale", torch.zeros(SEMANTIC_FEATURES))

    def observe(self, s: Float[Tensor, "batch N"]) -> None:
        """Updates the running scale with a batch of training."""
        here = s.detach().square().mean(0).sqrt().clamp_min(1e-3 * float(s.std()))
        started = bool((self.scale > 0).any())
        self.scale.copy_(torch.lerp(self.scale, here, MOMENTUM) if started else here)

    def describe(self, s: Float[Tensor, "batch N"]) -> Float[Tensor, "batch source"]:
        """Returns what the encoder keeps of an image for all its bursts."""
        found: Tensor = self.source(s / self.scale.clamp_min(1e-12))
        return nn.functional.leaky_relu(found, LEAKY_SLOPE)

    def encode(
        self, described: Float[Tensor, "batch source"], known: Observations, burst: int
    ) -> Float[Tensor, "batch numbers"]:
        """Returns the numbers of a burst before power control.

        Args:
            described: From `describe`.
            known: What the transmitter knows of the bursts before.
            burst: Number of the burst, from 0.
        """
        place = described.new_zeros(len(described), BURSTS)
        place[:, burst % BURSTS] = 1
        x = self.hidden(torch.cat([described, known.inputs(), place], 1))
        found: Tensor = self.numbers(nn.functional.leaky_relu(x, LEAKY_SLOPE))
        return found

    def decode(self, observed: Observations) -> Float[Tensor, "batch N"]:
        """Returns s_hat in units of `scale`."""
        x = nn.functional.leaky_relu(self.received(observed.inputs()), LEAKY_SLOPE)
        return torch.relu(self.restored(x))


def places(numbers: Float[Tensor, "batch numbers"], count: int) -> Float[Tensor, "batch places"]:
    """Repeats the numbers of a burst until they fill `count` places.

    >>> places(torch.arange(64.0)[None], 66)[0, -3:]
    tensor([63.,  0.,  1.])
    """
    return numbers.repeat(1, -(-count // NUMBERS))[:, :count]
