"""The receiver's belief about an image's latent features, and the estimates that it feeds back.

The belief is the posterior distribution of the features given all bursts received so far. Each
feature is N(0, 1) over the images, and each use is one Gaussian observation of a feature whose
channel gain and noise variance are known. The posterior is therefore Gaussian, and a mean and a
precision for each feature describe it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from semantic.plus.schedule import LATENT_FEATURES, BurstPlan, estimate_quantizer


@dataclass(frozen=True)
class Belief:
    """A receiver's belief: an immutable value that `add` turns into the next one.

    Attributes:
        matched: Sum over the uses of precision times observation of each feature.
        precision: Sum of the precisions of the uses that carried each feature; 0 for a feature
            that was not received. The prior's precision, 1, is not included.
        fed_back_estimate: Estimate of each feature that the transmitter holds; 0 before the first
            feedback.
    """

    matched: Float[Tensor, "batch latent"]
    precision: Float[Tensor, "batch latent"]
    fed_back_estimate: Float[Tensor, "batch latent"]

    @classmethod
    def empty(cls, batch: int, device: torch.device | str = "cpu") -> Belief:
        """Returns the prior: nothing received, nothing fed back.

        >>> bool(Belief.empty(2).decoder_input().any())
        False
        """
        zero = torch.zeros(batch, LATENT_FEATURES, device=device)
        return cls(zero, zero, zero)

    def add(
        self,
        plan: BurstPlan,
        matched: Float[Tensor, "batch uses"],
        weight: Float[Tensor, "batch uses"],
    ) -> Belief:
        """Returns the belief after one more burst.

        A use carries (c - fed-back estimate) / innovation deviation.

        Args:
            plan: Plan of the burst.
            matched: Matched-filter output of each use: SNR times the received value.
            weight: SNR of each use, linear.
        """
        deviation = plan.innovation_deviation.to(weight.device)
        precision = _sum_by_feature(weight, plan) / deviation.square()
        observed = _sum_by_feature(matched, plan) / deviation + precision * self.fed_back_estimate
        return replace(self, matched=self.matched + observed, precision=self.precision + precision)

    def estimate(self) -> Float[Tensor, "batch latent"]:
        """Returns the posterior mean of each feature, its MMSE estimate.

        >>> Belief(torch.tensor([[3.0]]), torch.tensor([[3.0]]), torch.zeros(1, 1)).estimate()
        tensor([[0.7500]])
        """
        return self.matched / (1 + self.precision)

    def decoder_input(self) -> Float[Tensor, "batch inputs"]:
        """Returns the estimate and the reliability (1 - variance) of each feature, side by side.

        >>> Belief(torch.tensor([[1.5]]), torch.tensor([[3.0]]), torch.zeros(1, 1)).decoder_input()
        tensor([[0.3750, 0.7500]])
        """
        return torch.cat([self.estimate(), self.precision / (1 + self.precision)], 1)

    def feedback_bits(self, plan: BurstPlan, bits: int) -> Bool[Tensor, "batch feedback"]:
        """Quantizes the estimate update of each feature of the burst: the receiver's feedback.

        The estimate update is the estimate minus the fed-back estimate.

        Args:
            plan: Plan of the burst.
            bits: Bits of each estimate.

        Returns:
            `bits` bits for each feature of the burst, in the order of the features.

        >>> from semantic.plus.schedule import burst_plan
        >>> plan = burst_plan(1.0, (2,), 2)  # uses for the first two features
        >>> Belief.empty(1).add(plan, torch.tensor([[9.0, -9.0]]), torch.ones(1, 2)).feedback_bits(plan, 1)
        tensor([[ True, False]])
        """
        sent = plan.sent.to(self.fed_back_estimate.device)
        update = (self.estimate() - self.fed_back_estimate)[:, sent]
        scale = plan.update_deviation.to(update.device)[sent]
        return estimate_quantizer(bits).quantize(update / scale).bool()

    def with_fed_back_estimate(self, estimate: Float[Tensor, "batch latent"]) -> Belief:
        """Returns the same belief once the transmitter holds another estimate."""
        return replace(self, fed_back_estimate=estimate.detach())

    def take(self, index: Int[Tensor, " rows"]) -> Belief:
        """Returns the belief about some of the images."""
        return Belief(self.matched[index], self.precision[index], self.fed_back_estimate[index])


def apply_feedback(
    fed_back_estimate: Float[Tensor, "batch latent"],
    plan: BurstPlan,
    feedback_bits: Bool[Tensor, "batch feedback"],
    bits: int,
) -> Float[Tensor, "batch latent"]:
    """Returns the fed-back estimate after one more feedback; both ends compute it.

    Args:
        fed_back_estimate: Estimate before the feedback.
        plan: Plan of the burst that the feedback answers.
        feedback_bits: The feedback, see `Belief.feedback_bits`.
        bits: Bits of each estimate.

    >>> from semantic.plus.schedule import burst_plan
    >>> plan = burst_plan(1.5, (1,), 1)  # estimate updates have the variance 3/4
    >>> apply_feedback(torch.zeros(1, LATENT_FEATURES), plan, torch.tensor([[True]]), 1)[:, :2]
    tensor([[0.6910, 0.0000]])
    """
    sent = plan.sent.to(fed_back_estimate.device)
    update = (
        estimate_quantizer(bits).dequantize(feedback_bits)
        * plan.update_deviation.to(fed_back_estimate.device)[sent]
    )
    estimate = fed_back_estimate.clone()
    estimate[:, sent] += update
    return estimate


def innovation(
    c: Float[Tensor, "batch latent"],
    fed_back_estimate: Float[Tensor, "batch latent"],
    plan: BurstPlan,
) -> Float[Tensor, "batch uses"]:
    """Returns what the uses of a burst carry: the innovations, scaled to unit variance.

    The innovation of a feature is the feature minus its fed-back estimate.

    Args:
        c: Latent features.
        fed_back_estimate: Estimate of each feature that the transmitter holds.
        plan: Plan of the burst.

    >>> from semantic.plus.schedule import burst_plan
    >>> c = torch.full((1, LATENT_FEATURES), 2.0)
    >>> innovation(c, torch.full_like(c, 1.5), burst_plan(1.0, (3,), 1))  # no feedback so far
    tensor([[0.5000, 0.5000, 0.5000]])
    """
    scaled = (c - fed_back_estimate) / plan.innovation_deviation.to(c.device)
    return scaled[:, plan.position.to(c.device)]


def _sum_by_feature(values: Tensor, plan: BurstPlan) -> Tensor:
    """Sums values [batch, B] over the uses of each feature, [batch, LATENT_FEATURES]."""
    padded = torch.cat([values, values.new_zeros(len(values), 1)], 1)
    total = values.new_zeros(len(values), LATENT_FEATURES)
    # One use after the other, so that every device adds in the same order.
    for column in plan.uses_of_feature.to(values.device).unbind(1):
        total = total + padded[:, column]
    return total
