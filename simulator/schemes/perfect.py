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


@final
class Perfect(Scheme):
    """The clean-trained multi-task network on the images themselves; sends nothing."""

    reasons = ("", "no channel")
    open_loop = True

    def __init__(self, network: MultiTaskNetwork) -> None:
        self.network = network

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Takes s, computed once for all schemes."""
        return Payload({"s": encoded.features.s[index]})

    def start(self, payload: Payload, slot: Slot) -> tuple[Tensor, Tensor]:
        """The receiver has s from the start."""
        return payload.tensors["s"], payload.tensors["s"]

    def transmit(self, tx: Tensor, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Tensor]:
        """Sends an empty burst."""
        batch = len(tx)
        x = torch.zeros(batch, 0, dtype=torch.complex64, device=tx.device)
        return Burst(x, torch.zeros(batch, dtype=torch.int64)), tx

    def receive(self, rx: Tensor, received: Received, slot: Slot) -> tuple[Feedback, Tensor]:
        """Acknowledges every image."""
        return no_request(torch.ones(len(rx), dtype=torch.bool)), rx

    def perform(self, rx: Tensor) -> TaskOutputs:
        """Performs the tasks on s."""
        return TaskOutputs(*in_tiles(self.network.performers, rx))
