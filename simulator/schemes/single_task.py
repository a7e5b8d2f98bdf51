"""Single-task coding: three networks side by side in place of the one of SMSC-FIR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from semantic.conventions import CODED_FEATURES
from semantic.losses import TASKS
from semantic.tasks import TaskOutputs
from semantic.weights.stored import EncoderBundle
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme, no_request
from simulator.schemes.semantic_harq import RxState, SemanticHarq, TxState
from simulator.slots import Slot
from simulator.spec_fields import LARGE_BATCH_SIZE


@dataclass(frozen=True)
class SingleTaskNetwork:
    """One task's own system.

    Attributes:
        encoder: Images to its s.
        link: The scheme behind it, with the protocol of SMSC-FIR.
    """

    encoder: EncoderBundle
    link: SemanticHarq


@final
class SingleTask(Scheme):
    """SMSC-FIR with an encoder and a link for each task, one slot (SMSC-FIR Table 1, STC).

    ```
    x -> encoder k -> s_k -> JSC-Encoder k -> f_k -> its most important features -> z_k
    z_reid | z_color | z_type -> x      y -> three receivers -> one task each
    ```

    Args:
        networks: The three systems, by task.
        share: "third" gives each system a third of the slot's bandwidth, so that the three together
            send as much as SMSC-FIR; "full" gives each the B features of a slot, three times as much.
    """

    reasons = ("transmissions used up", "one shot")
    batch_size = LARGE_BATCH_SIZE
    needs_features = False  # those of the common encoder
    open_loop = True

    def __init__(self, networks: Mapping[str, SingleTaskNetwork], share: str = "third") -> None:
        self.networks = [networks[task] for task in TASKS]
        self.share = share

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        """Returns 1."""
        return 1

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Maps x -> s_k -> f_k by each encoder, which sees every image once."""
        tensors = {}
        for task, network in zip(TASKS, self.networks, strict=True):
            own = network.link.encode(encoded.behind(network.encoder), index)
            tensors[task] = own.tensors["f"]
        return Payload(tensors)

    def clean_embedding(self, encoded: EncodedDataset, index: np.ndarray) -> Tensor:
        """Returns embeddings of the re-identification network."""
        reid = self.networks[0]
        return reid.link.clean_embedding(encoded.behind(reid.encoder), index)

    def part(self, slot: Slot) -> Slot:
        """Returns the slot of each system."""
        return replace(slot, bandwidth_hz=slot.bandwidth_hz / 3) if self.share == "third" else slot

    def start(
        self, payload: Payload, slot: Slot
    ) -> tuple[tuple[TxState, ...], tuple[RxState, ...]]:
        """Starts the three systems."""
        begun = [
            network.link.start(Payload({"f": payload.tensors[task]}), self.part(slot))
            for task, network in zip(TASKS, self.networks, strict=True)
        ]
        return tuple(tx for tx, _ in begun), tuple(rx for _, rx in begun)

    def transmit(
        self, tx: tuple[TxState, ...], feedback: Feedback | None, slot: Slot
    ) -> tuple[Burst, tuple[TxState, ...]]:
        """Sends their bursts, one after the other."""
        sent: list[tuple[Burst, Any]] = [
            network.link.transmit(state, None, self.part(slot))
            for state, network in zip(tx, self.networks, strict=True)
        ]
        x = torch.cat([burst.x for burst, _ in sent], 1)
        uses = torch.stack([burst.uses for burst, _ in sent]).sum(0)
        return Burst(x, uses), tuple(state for _, state in sent)

    def sent_features(self, tx: tuple[TxState, ...], slot: Slot) -> Tensor | None:
        """Returns positions in the three f side by side: L k + position for system k."""
        found = []
        for k, (state, network) in enumerate(zip(tx, self.networks, strict=True)):
            own = network.link.sent_features(state, self.part(slot))
            assert own is not None
            found.append(torch.where(own < 0, own, own + k * CODED_FEATURES))
        return torch.cat(found, 1)

    def receive(
        self, rx: tuple[RxState, ...], received: Received, slot: Slot
    ) -> tuple[Feedback, tuple[RxState, ...]]:
        """Passes its own uses to each system; acknowledges every image."""
        parts = zip(rx, self.networks, _thirds(received), strict=True)
        states = tuple(
            network.link.receive(state, y, self.part(slot))[1] for state, network, y in parts
        )
        return no_request(torch.ones(len(received.y), dtype=torch.bool)), states

    def perform(self, rx: tuple[RxState, ...]) -> TaskOutputs:
        """Performs each task by the network that was trained for it."""
        reid, color, type_ = (
            network.link.perform(state) for state, network in zip(rx, self.networks, strict=True)
        )
        return TaskOutputs(reid.embedding, reid.vehicle, color.color, type_.type)


def _thirds(received: Received) -> list[Received]:
    """Returns the three equally long parts of a received burst."""
    uses = received.y.shape[1] // 3
    parts = []
    for first in (0, uses, 2 * uses):
        own = slice(first, first + uses)
        y, h, no = received
        wide = [v[:, own] if v.shape[1] == 3 * uses else v for v in (h, no)]
        parts.append(Received(y[:, own], *wide))
    return parts
