"""No channel: the upper bound of every curve."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme, no_request
from simulator.slots import Slot
from simulator.spec_fields import LARGE_BATCH_SIZE


@final
class Perfect(Scheme):
    """The clean-trained multi-task network on the images themselves; sends nothing.

    Its outputs are the same at every SNR: `encode` computes them.
    """

    reasons = ("", "no channel")
    batch_size = LARGE_BATCH_SIZE
    open_loop = True

    def __init__(self, network: MultiTaskNetwork) -> None:
        self.network = network

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Performs the tasks on s, which was computed once for all schemes."""
        outputs = in_tiles(self.network.performers, encoded.features.s[index])
        return Payload(dict(zip(TaskOutputs._fields, outputs, strict=True)))

    def start(self, payload: Payload, slot: Slot) -> tuple[Tensor, TaskOutputs]:
        """The receiver has the outputs from the start."""
        outputs = TaskOutputs(**payload.tensors)
        return outputs.embedding, outputs

    def transmit(self, tx: Tensor, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Tensor]:
        """Sends an empty burst."""
        batch = len(tx)
        x = torch.zeros(batch, 0, dtype=torch.complex64, device=tx.device)
        return Burst(x, torch.zeros(batch, dtype=torch.int64)), tx

    def receive(
        self, rx: TaskOutputs, received: Received, slot: Slot
    ) -> tuple[Feedback, TaskOutputs]:
        """Acknowledges every image."""
        return no_request(torch.ones(len(rx.embedding), dtype=torch.bool)), rx

    def perform(self, rx: TaskOutputs) -> TaskOutputs:
        """Returns the outputs."""
        return rx
