"""The stopping rule of the learned HARQ schemes: receive-SNR against uncertainty.

An image is acknowledged once its receive-SNR is above theta_0 (1 + U), U the mean entropy of the
tasks' answers. U is not below 0: at theta_0 and less it is a NACK whatever the tasks would say, and
they are not asked before the image's last slot.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from semantic.tasks import TaskOutputs, put_rows

#: Rows of the batch [rows] int64 -> the tasks' outputs on what these images have received.
Decode = Callable[[Tensor], TaskOutputs]


def receive_snr_target(outputs: TaskOutputs, theta_0: float) -> Tensor:
    """min(theta_0 (1 + U), theta_0 (1 + log M)) [batch], SemHARQ eq. 16 and section V-B.

    M is the total number of classes of all tasks, entropies are in nats.
    """
    classes = sum(p.shape[1] for p in outputs.probabilities)
    return theta_0 * (1 + outputs.uncertainty().clamp(0, math.log(classes)))


def stopping_criterion(
    decode: Decode, received_snr: Tensor, theta_0: float
) -> tuple[Tensor, TaskOutputs | None]:
    """(ACK [batch] bool, the outputs of those that were asked; None where none was)."""
    ack = torch.zeros_like(received_snr, dtype=torch.bool)
    rows = (received_snr > theta_0).nonzero().flatten()
    if not len(rows):
        return ack, None
    some = decode(rows)
    ack[rows] = received_snr[rows] > receive_snr_target(some, theta_0)
    return ack, put_rows(None, rows, some, len(received_snr))


def final_outputs(
    decode: Decode, received_snr: Tensor, theta_0: float, outputs: TaskOutputs | None
) -> TaskOutputs:
    """What `stopping_criterion` found after the same slot, and what it left out."""
    if outputs is None:
        return decode(torch.arange(len(received_snr), device=received_snr.device))
    rows = (received_snr <= theta_0).nonzero().flatten()
    if not len(rows):
        return outputs
    return put_rows(outputs, rows, decode(rows), len(received_snr))
