"""A loss of one's own that cannot be minimized: one line, and no weights of it are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from test_learned_scheme import Gain, a_batch

from semantic.training.log import Log
from simulator.training.own_scheme import loss_gradients

Loss = Callable[[Gain], Any]


def weight(own: Gain) -> torch.Tensor:
    return own.network.weight.sum()


LOSSES: dict[str, Loss] = {
    "loss is nan, a loss must be finite": lambda own: weight(own) * float("nan"),
    "the loss has no gradient; was it detached": lambda own: weight(own).detach(),
    "no gradient in the networks": lambda own: torch.ones((), requires_grad=True) * 2,
    "its gradient is nan, as that of sqrt at 0": lambda own: (0 * weight(own)).abs().sqrt(),
    r"loss is torch.float32 \[1\], it must be": lambda own: weight(own).reshape(1),
    r"loss is torch.complex64 \[\], it must be a real": lambda own: weight(own) * 1j,
    "loss returned None, it must return a scalar": lambda own: None,
    "loss returned 1.5, it must return": lambda own: 1.5,
    r"loss returned \{\}, it must return": lambda own: {},
    r"loss returned \[tensor\(.*\], it must return": lambda own: [weight(own)],
    "mse is 0.5, it must be a real scalar tensor": lambda own: {"mse": 0.5},
    "a term of the loss is named 1, it must be a text": lambda own: {1: weight(own)},
    "named 'step', .* other than step and seconds": lambda own: {"step": weight(own)},
}


@pytest.mark.parametrize("problem", LOSSES)
def test_a_loss_that_cannot_be_minimized_is_one_line(problem: str) -> None:
    scheme = Gain(lambda own, batch: LOSSES[problem](own))
    with pytest.raises(ValueError, match=f"^step 0: .*{problem}"):
        loss_gradients(scheme, a_batch()[0], scheme.network, "step 0")


@pytest.mark.parametrize(
    ("loss", "problem"),
    [
        (lambda own, batch: batch.send(2 * a_batch()[1]), "breaks the average power constraint"),
        (lambda own, batch: batch.send(batch.s), r"x is torch.float32 \[64, 4\], it must be"),
    ],
)
def test_a_burst_that_is_not_allowed_is_one_line(loss: Any, problem: str) -> None:
    scheme = Gain(loss)
    with pytest.raises(ValueError, match=problem):
        loss_gradients(scheme, a_batch()[0], scheme.network, "step 0")


def test_a_training_that_diverges_ends_before_its_checkpoint(tmp_path: Path) -> None:
    log = Log(tmp_path / "encoder.log.jsonl", print)
    log(0, {"triplet": 1.0})
    with pytest.raises(ValueError, match=r"^encoder, step 1: the loss triplet is inf,"):
        log(1, {"triplet": float("inf")})
