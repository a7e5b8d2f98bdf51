"""What a receiver believes about an image's latent features, and what it tells of it.

A latent feature is N(0, 1) over the images; each use that carries it, or the part of it that the
transmitter has not been fed_back, is one Gaussian observation. The belief is then exact: a mean and a
precision for each feature.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from semantic.plus.schedule import LATENT, BurstPlan, estimate_quantizer


@dataclass(frozen=True)
class Belief:
    """A receiver's belief, a value that `add` turns into the next one.

    Attributes:
        matched: [batch, LATENT] sum over the uses of precision times what each says c is.
        precision: [batch, LATENT] sum of the uses' precisions; 0 where nothing came.
        fed_back: [batch, LATENT] the estimate that the transmitter has heard; 0 before the first.
    """

    matched: Tensor
    precision: Tensor
    fed_back: Tensor

    @classmethod
    def empty(cls, batch: int, device: torch.device | str = "cpu") -> Belief:
        """Nothing received, nothing fed_back."""
        zero = torch.zeros(batch, LATENT, device=device)
        return cls(zero, zero, zero)

    def add(self, plan: BurstPlan, matched: Tensor, weight: Tensor) -> Belief:
        """The belief after one more burst.

        Args:
            plan: The burst's.
            matched: [batch, B] the matched filter's output, SNR times estimate of what was sent.
            weight: [batch, B] the SNR of each use.
        """
        deviation = plan.deviation.to(weight.device)
        precision = _by_feature(weight, plan) / deviation.square()
        # What was sent is (c - fed_back) / deviation.
        says = _by_feature(matched, plan) / deviation + precision * self.fed_back
        return replace(self, matched=self.matched + says, precision=self.precision + precision)

    def estimate(self) -> Tensor:
        """The mean of c [batch, LATENT]."""
        return self.matched / (1 + self.precision)

    def decoder_input(self) -> Tensor:
        """Mean, and 1 less the variance, [batch, 2 LATENT]."""
        return torch.cat([self.estimate(), self.precision / (1 + self.precision)], 1)

    def words(self, plan: BurstPlan, bits: int) -> Tensor:
        """What is fed back: the quantized innovation_fed_back of each feature of the burst.

        Returns:
            [batch, features of the burst times bits] bool.
        """
        plan_sent = plan.sent.to(self.fed_back.device)
        innovation_fed_back = (self.estimate() - self.fed_back)[:, plan_sent]
        scale = plan.innovation_deviation.to(innovation_fed_back.device)[plan_sent]
        return estimate_quantizer(bits).quantize(innovation_fed_back / scale).bool()

    def with_feedback(self, fed_back: Tensor) -> Belief:
        """The same once the transmitter has heard estimates `fed_back`."""
        return replace(self, fed_back=fed_back.detach())

    def take(self, index: Tensor) -> Belief:
        """The rows of some of the images."""
        return Belief(self.matched[index], self.precision[index], self.fed_back[index])


def apply_feedback(fed_back: Tensor, plan: BurstPlan, words: Tensor, bits: int) -> Tensor:
    """The estimates [batch, LATENT] that the transmitter knows after one more answer.

    Args:
        fed_back: Those that it knew.
        plan: Of the burst that was answered.
        words: What the receiver fed back, see `Belief.words`.
        bits: Of each estimate.
    """
    plan_sent = plan.sent.to(fed_back.device)
    innovation_fed_back = (
        estimate_quantizer(bits).dequantize(words)
        * plan.innovation_deviation.to(fed_back.device)[plan_sent]
    )
    known = fed_back.clone()
    known[:, plan_sent] += innovation_fed_back
    return known


def innovation(c: Tensor, fed_back: Tensor, plan: BurstPlan) -> Tensor:
    """What the burst's uses carry of c [batch, LATENT]: [batch, B], unit variance over images."""
    part = (c - fed_back) / plan.deviation.to(c.device)
    return part[:, plan.position.to(c.device)]


def _by_feature(values: Tensor, plan: BurstPlan) -> Tensor:
    """Sums [batch, B] over the uses of each feature, in sequence, so that every device agrees."""
    padded = torch.cat([values, values.new_zeros(len(values), 1)], 1)
    total = values.new_zeros(len(values), LATENT)
    for column in plan.carriers.to(values.device).unbind(1):
        total = total + padded[:, column]
    return total
