"""The receiver's belief: Bayes' rule on all bursts, and variances as both ends expect them."""

import numpy as np
import pytest
import torch

from semantic.plus.belief import Belief, apply_feedback, innovation
from semantic.plus.schedule import LATENT_FEATURES, BurstPlan, burst_plan

SNR, B = 0.5, 40


def observe(
    belief: Belief, plan: BurstPlan, part: torch.Tensor, gain: torch.Tensor, noise: torch.Tensor
) -> Belief:
    """The belief after a burst whose uses had real gains [batch, B] and unit noise."""
    return belief.add(plan, gain * (gain * part + noise), gain.square())


@pytest.mark.parametrize("bits", [0, 2])
def test_belief_is_the_gaussian_posterior(bits: int) -> None:
    generator = torch.Generator().manual_seed(1)
    c = torch.randn(1, LATENT_FEATURES, generator=generator)
    belief, rows, seen, estimate = Belief.empty(1), [], [], torch.zeros(1, LATENT_FEATURES)
    for transmission in range(3):
        plan = burst_plan(SNR, (B,) * (transmission + 1), bits)
        gain, noise = torch.rand(2, 1, B, generator=generator)
        belief = observe(belief, plan, innovation(c, estimate, plan), gain, noise)
        deviation = plan.innovation_deviation[plan.position]
        # gain (c - estimate) / deviation + noise: a linear observation of c
        row = torch.zeros(B, LATENT_FEATURES)
        row[torch.arange(B), plan.position] = gain[0] / deviation
        received = gain * innovation(c, estimate, plan) + noise
        rows.append(row.double().numpy())
        seen.append((received + (row @ estimate[0])[None])[0].double().numpy())
        if bits:
            estimate = apply_feedback(estimate, plan, belief.feedback_bits(plan, bits), bits)
            belief = belief.with_fed_back_estimate(estimate)
    A, y = np.concatenate(rows), np.concatenate(seen)
    covariance = np.linalg.inv(np.eye(LATENT_FEATURES) + A.T @ A)
    assert belief.estimate()[0].numpy() == pytest.approx(covariance @ A.T @ y, abs=1e-5)
    variance = (1 / (1 + belief.precision))[0].numpy()
    assert variance == pytest.approx(np.diag(covariance), abs=1e-6)
    reliability = belief.decoder_input()[0, LATENT_FEATURES:].numpy()
    assert reliability == pytest.approx(1 - np.diag(covariance), abs=1e-6)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_both_ends_know_the_variance_of_the_innovation(bits: int) -> None:
    """Over many images the variances are those that the plans were made with (no fading)."""
    generator, images = torch.Generator().manual_seed(bits), 40_000
    c = torch.randn(images, LATENT_FEATURES, generator=generator)
    belief, estimate = Belief.empty(images), torch.zeros(images, LATENT_FEATURES)
    gain = torch.full((images, B), (2 * SNR) ** 0.5)
    for transmission in range(3):
        plan = burst_plan(SNR, (B,) * (transmission + 1), bits)
        part = innovation(c, estimate, plan)
        # Unit variance; 4.5 standard errors of a Gaussian's variance, a little more for tails.
        assert part.var(0).numpy() == pytest.approx(1, abs=4.5 * (2 / images) ** 0.5 + 0.02)
        noise = torch.randn(images, B, generator=generator)
        belief = observe(belief, plan, part, gain, noise)
        error = (c - belief.estimate()).var(0)
        assert (error * (1 + belief.precision[0])).numpy() == pytest.approx(1, abs=0.05)
        feedback_bits = belief.feedback_bits(plan, bits)
        assert feedback_bits.shape == (images, bits * int(plan.sent.sum()))
        estimate = apply_feedback(estimate, plan, feedback_bits, bits)
        belief = belief.with_fed_back_estimate(estimate)
    # A feature that was never sent has no fed-back estimate.
    never = (
        torch.stack([burst_plan(SNR, (B,) * (t + 1), bits).sent for t in range(3)])
        .any(0)
        .logical_not()
    )
    assert not estimate[:, never].any()


def test_belief_of_one_image_does_not_depend_on_its_company() -> None:
    generator, plan = torch.Generator().manual_seed(0), burst_plan(SNR, (B,), 1)
    part, gain, noise = torch.randn(3, 64, B, generator=generator)
    whole = observe(Belief.empty(64), plan, part, gain, noise)
    some = torch.tensor([5, 63])
    alone = observe(Belief.empty(2), plan, part[some], gain[some], noise[some])
    assert torch.equal(alone.matched, whole.take(some).matched)
    assert torch.equal(alone.decoder_input(), whole.take(some).decoder_input())
