"""Differentiable selection of distorted features: the straight-through Gumbel-softmax.

    forward:   p_i = [d_i >= t],                       R = sum_i p_i
    backward:  the gradient of w = sum_{r=1}^{R} w^r,  w^r = softmax((log v^r + g^r) / temperature)
               v^r = softmax(d^r),                     d^r = d, its r - 1 largest values set to 0

The outer softmax cancels the constant by which log v^r and d^r differ, so that
w^r = softmax((d^r + g^r) / temperature). d is the output of a sigmoid and therefore positive: the
r-th draw prefers the r-th largest value.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

#: Elements (batch x draws x features) of noise held at a time in the backward pass: 16 MB.
_ELEMENTS = 1 << 22


def select_distorted(
    d: Float[Tensor, "batch features"],
    threshold: float,
    temperature: float,
    generator: torch.Generator | None = None,
    valid: Bool[Tensor, "batch features"] | None = None,
    chunk: int | None = None,
) -> Float[Tensor, "batch features"]:
    """Marks the features to be retransmitted: 1 where d >= threshold, else 0.

    The gradient is that of R Gumbel-softmax draws. The backward pass computes it in closed form,
    `chunk` draws at a time, so that the forward pass needs no memory for several hundred draws.

    Args:
        d: Distortion of each feature, in [0, 1].
        threshold: Threshold t.
        temperature: Temperature of the softmax, > 0.
        generator: Source of the draws, on the CPU; None means torch's own.
        valid: True for the features that were received, the only ones selected; None means all.
        chunk: Number of draws made at a time; by default as many as fit into 16 MB. It only
            determines which noise sample each draw gets.

    Returns:
        The selection p, in the type of d; its sum R differs from image to image.

    Raises:
        ValueError: The temperature or the chunk is not positive.

    Source: SemHARQ eq. 8-12.

    >>> d = torch.tensor([[0.9, 0.2, 0.6]], requires_grad=True)
    >>> select_distorted(d, threshold=0.5, temperature=1.0).detach()
    tensor([[1., 0., 1.]])
    """
    _check_positive("temperature", temperature)
    if chunk is None:
        chunk = max(1, _ELEMENTS // max(1, d.numel()))
    if chunk < 1:
        raise ValueError(f"chunk must be positive, got {chunk}")
    if valid is None:
        valid = torch.ones_like(d, dtype=torch.bool)
    # The draws happen in the backward pass; a seed drawn here makes them follow the generator.
    seed = int(torch.randint(1 << 62, (), generator=generator))
    p: Tensor = _StraightThrough.apply(d, valid, threshold, temperature, seed, chunk)  # type: ignore[no-untyped-call]
    return p


def relaxed_draws(
    d: Float[Tensor, "batch features"],
    rank: Int[Tensor, "batch features"],
    valid: Bool[Tensor, "batch features"],
    draws: Int[Tensor, " batch"],
    temperature: float,
    noise: Float[Tensor, "batch size features"],
    first: int = 0,
) -> Float[Tensor, "batch size features"]:
    """Returns the Gumbel-softmax draws w^r for r - 1 = first, first + 1, ...

    As the temperature goes to 0, every w^r becomes one-hot: a sample of the categorical
    distribution v^r, or the position of its largest value if the noise is zero.

    Args:
        d: Distortion of each feature, in [0, 1].
        rank: Rank of each feature by descending d, from 0; invalid features come last.
        valid: True for the features that were received; others get 0.
        draws: Number of draws R of each image; w^r is 0 for r > R.
        temperature: Temperature of the softmax, > 0.
        noise: Gumbel noise g^r, see `gumbel_noise`.
        first: Number of draws that other calls have made.

    Source: SemHARQ eq. 10-12.

    >>> d, rank = torch.tensor([[0.9, 0.2, 0.6]]), torch.tensor([[0, 2, 1]])
    >>> relaxed_draws(d, rank, rank >= 0, torch.tensor([2]), 1e-3, torch.zeros(1, 2, 3))
    tensor([[[1., 0., 0.],
             [0., 0., 1.]]])
    """
    # Half precision would make neighbors among hundreds of values equal.
    wide = d.to(torch.promote_types(d.dtype, torch.float32))
    number = _numbers(first, noise.shape[1], d)
    remaining = torch.where(rank[:, None, :] >= number[None, :, None], wide[:, None, :], 0.0)
    # Not -inf, which would give NaN, also in the gradient, for an image without a valid feature.
    never = torch.finfo(wide.dtype).min
    # In place: these are the largest tensors of the training.
    logits = remaining.add_(noise).div_(temperature).masked_fill_(~valid[:, None, :], never)
    beyond = (number[None, :] >= draws[:, None])[:, :, None]
    return logits.softmax(dim=2).masked_fill(beyond, 0.0)


def gumbel_noise(
    shape: tuple[int, ...], generator: torch.Generator | None = None
) -> Float[Tensor, "..."]:  # noqa: UP037
    """Draws samples of the Gumbel(0, 1) distribution, on the generator's device.

    Args:
        shape: Shape of the result.
        generator: Source of randomness; None means torch's own on the CPU.

    Returns:
        Finite float32 samples, of mean 0.5772 and variance pi^2 / 6.

    >>> bool(gumbel_noise((1000,)).isfinite().all())
    True
    """
    device = "cpu" if generator is None else generator.device
    # Uniform numbers and two logarithms take half the time of torch's exponential numbers on a CPU.
    # They are multiples of 2^-24 below 1, and 0 has no finite logarithm.
    uniform = torch.rand(shape, device=device, generator=generator).clamp_(min=2.0**-25)
    return uniform.log_().neg_().log_().neg_()


def annealed_temperature(progress: float, first: float = 10.0, last: float = 0.1) -> float:
    """Returns the softmax temperature during training; it decays exponentially.

    Args:
        progress: Share of the training steps that are done, in [0, 1].
        first: Temperature at the start, > 0.
        last: Temperature at the end, > 0.

    Returns:
        first (last / first)^progress.

    Raises:
        ValueError: Progress is outside [0, 1], or a temperature is not positive.

    Source: A. Abid et al., "Concrete Autoencoders", 2019 (10 to 0.1), to which SemHARQ refers.

    >>> [round(annealed_temperature(progress), 3) for progress in (0.0, 0.5, 1.0)]
    [10.0, 1.0, 0.1]
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"progress must lie in [0, 1], got {progress}")
    _check_positive("first temperature", first)
    _check_positive("last temperature", last)
    return float(first * (last / first) ** progress)


class _StraightThrough(torch.autograd.Function):
    """Computes the hard selection p forward and the gradient of the relaxed selection w backward.

    Let u be the incoming gradient and w^r the draws. The gradient with respect to d_i is then
    sum_r [rank_i >= r - 1] w^r_i (u_i - sum_k u_k w^r_k) / temperature.
    """

    @staticmethod
    def forward(
        ctx: Any,
        d: Tensor,
        valid: Tensor,
        threshold: float,
        temperature: float,
        seed: int,
        chunk: int,
    ) -> Tensor:
        chosen = (d >= threshold) & valid
        ctx.save_for_backward(d, valid, chosen.sum(dim=1))
        ctx.temperature, ctx.seed, ctx.chunk = temperature, seed, chunk
        return chosen.to(d.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, u: Tensor) -> tuple[Tensor | None, ...]:
        d, valid, draws = ctx.saved_tensors
        generator = torch.Generator(d.device).manual_seed(ctx.seed)
        rank = _rank(d, valid)
        gradient = torch.zeros_like(d)
        most = int(draws.max()) if len(draws) else 0
        for start in range(0, most, ctx.chunk):
            size = min(ctx.chunk, most - start)
            noise = gumbel_noise((len(d), size, d.shape[1]), generator)
            w = relaxed_draws(d, rank, valid, draws, ctx.temperature, noise, start)
            mean_u = w @ u[:, :, None].to(w.dtype)  # [batch, size, 1]
            # Values that a draw sets to 0 take part in its softmax but do not depend on d.
            w.masked_fill_(rank[:, None, :] < _numbers(start, size, d)[None, :, None], 0.0)
            mean = (mean_u.transpose(1, 2) @ w).squeeze(1)
            gradient += (u * w.sum(dim=1) - mean).to(d.dtype)
        return gradient / ctx.temperature, None, None, None, None, None


def _rank(d: Tensor, valid: Tensor) -> Int[Tensor, "batch features"]:
    """Ranks the features by descending d, from 0; ties by position, invalid features last."""
    order = d.detach().masked_fill(~valid, -torch.inf).argsort(dim=1, descending=True, stable=True)
    return order.argsort(dim=1)


def _numbers(start: int, size: int, like: Tensor) -> Int[Tensor, " size"]:
    return torch.arange(start, start + size, device=like.device)


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be positive, got {value}")
