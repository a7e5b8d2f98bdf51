"""feature-jscc-f: a learned code over features whose transmitter knows the channel outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from phy.power import normalize_power
from phy.snr import snr_from_db
from semantic.link.stopping import REASONS, Decode, Decoded, StoppingCriterion
from semantic.losses import channel_mse
from semantic.plus.output_feedback import Observations, OutputFeedbackNetwork, places
from semantic.tasks import TaskOutputs, TaskPerformers
from semantic.tiles import in_tiles
from semantic.training.encoder import ENCODER_TASK_WEIGHTS, retrieval_losses
from simulator.encoded_dataset import EncodedDataset
from simulator.learned_scheme import LearnedScheme, TrainingBatch
from simulator.plus_arguments import FeatureJsccFArguments
from simulator.scheme import Burst, Feedback, Payload
from simulator.schemes.iq_mapping import demap_iq, map_iq
from simulator.slots import Slot
from simulator.spec_fields import LARGE_BATCH_SIZE

#: Bits of a fed-back number, in half precision: an estimate, and its channel's SNR.
HALF = 16
#: Most slots of an image in training, and the share of batches with any number of uses.
SLOTS, FREE = 4, 0.25


@dataclass(frozen=True)
class TxState:
    """State of the transmitter.

    Attributes:
        described: What the encoder keeps of the image, [batch, source].
        known: The fed-back estimates of the received values.
        bursts: Number of bursts sent.
    """

    described: Tensor
    known: Observations
    bursts: int = 0


@dataclass(frozen=True)
class RxState:
    """State of the receiver.

    Attributes:
        observed: Everything received.
        received_snr: SNR_r of eq. 17 so far, [batch].
        bursts: Number of bursts received.
        outputs: Outputs of the tasks where the receive SNR is above theta_0; None if not computed.
    """

    observed: Observations
    received_snr: Tensor
    bursts: int = 0
    outputs: Decoded | None = None


@final
class FeatureJsccF(LearnedScheme):
    """Encodes each burst from s and from all received values, which the receiver feeds back.

    ```
    s -> encoder -> burst j -> power -> x            y -> matched filter -> observations
            ^                                                                    |   |
            +---------- received values and SNRs, 16 bits each <--- NACK --------+   v
                                                                decoder -> s_hat -> tasks, U
    ```

    The feedback is as good as the published scheme assumes: every received value, and the SNR of its
    use, which the transmitter needs in fast fading. Each counts 16 bits, so that `uses_charged`
    shows what it costs. The stopping criterion is SemHARQ's.

    Args:
        network: Encoder and decoder.
        performers: The encoder's task performers, not trained.
        arguments: theta_0 and features on a use; None for the defaults.
    """

    reasons = REASONS[:2]
    batch_size = LARGE_BATCH_SIZE

    def __init__(
        self,
        network: OutputFeedbackNetwork,
        performers: TaskPerformers,
        arguments: FeatureJsccFArguments | None = None,
    ) -> None:
        arguments = arguments or FeatureJsccFArguments()
        self.network, self.performers = network, performers
        self.per_use = arguments.features_per_use
        self.stopping = StoppingCriterion(snr_from_db(arguments.theta_0_db))

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Describes s, computed once for all schemes."""
        return Payload(
            {"described": in_tiles(self.network.describe, encoded.features.s[index])}, {}
        )

    def start(self, payload: Payload, slot: Slot) -> tuple[TxState, RxState]:
        """Returns the initial states: nothing sent, nothing known."""
        described = payload.tensors["described"]
        empty = Observations.empty(len(described), described.device)
        return TxState(described, empty), RxState(empty, described.new_zeros(len(described)))

    def transmit(self, tx: TxState, feedback: Feedback | None, slot: Slot) -> tuple[Burst, TxState]:
        """Returns the burst that the encoder computes from s and the fed-back values."""
        known = tx.known
        if feedback is not None and feedback.request is not None:
            matched, weight = from_bits(feedback.request)
            known = known.add(tx.bursts - 1, matched, weight)
        numbers = in_tiles(
            lambda *columns: self.network.encode(columns[0], Observations(*columns[1:]), tx.bursts),
            tx.described,
            known.matched,
            known.weight,
        )
        x = self._burst(numbers, slot.features)
        return Burst(x, torch.full((len(x),), slot.features)), replace(
            tx, known=known, bursts=tx.bursts + 1
        )

    def _burst(self, numbers: Tensor, uses: int) -> Tensor:
        """Returns the channel inputs of a burst, [batch, uses], with power 1 per use."""
        return map_iq(normalize_power(places(numbers, uses * self.per_use), uses), self.per_use)

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Adds a burst to the observations, applies the stopping criterion and feeds values back."""
        matched, weight = demap_iq(received, slot.features * self.per_use, self.per_use)
        # The receiver uses what it feeds back: both ends know the same values.
        request = to_bits(matched, weight)
        observed = rx.observed.add(rx.bursts, *from_bits(request))
        # In sequence: the rounding of a sum must not depend on the size of the batch.
        snr = rx.received_snr + weight.cumsum(1)[:, -1] / slot.features
        ack, _, outputs = self.stopping.decide(snr, self._decode(observed))
        charged = torch.full((len(snr),), request.shape[1])
        answer = Feedback(ack, request, charged, ack.to(torch.int8))
        return answer, RxState(observed, snr, rx.bursts + 1, outputs)

    def perform(self, rx: RxState) -> TaskOutputs:
        """Returns the outputs after the last slot."""
        return self.stopping.final_outputs(self._decode(rx.observed), rx.received_snr, rx.outputs)

    def _decode(self, observed: Observations) -> Decode:
        """Decodes in tiles, so that an answer does not depend on the other images of the batch."""

        def decode(rows: Tensor) -> TaskOutputs:
            some = observed.take(rows)
            found = in_tiles(
                lambda *columns: tuple(self._perform(Observations(*columns))[1]),
                some.matched,
                some.weight,
            )
            return TaskOutputs(*found)

        return decode

    def _perform(self, observed: Observations) -> tuple[Tensor, TaskOutputs]:
        s_hat = self.network.decode(observed)
        return s_hat, self.performers(s_hat * self.network.scale)

    def training_loss(self, batch: TrainingBatch) -> Mapping[str, Tensor]:
        """Returns the losses of semharq-plus after a drawn number of slots; feedback is exact."""
        network = self.network
        network.observe(batch.s)
        free, size, count = torch.rand(3, generator=batch.generator).tolist()
        uses = round(16 * 16**size) if free < FREE else batch.slot.features
        described, known = network.describe(batch.s), Observations.empty(len(batch.s))
        for burst in range(1 + int(count * SLOTS)):
            x = self._burst(network.encode(described, known, burst), uses)
            known = known.add(burst, *demap_iq(batch.send(x), uses * self.per_use, self.per_use))
        s_hat, outputs = self._perform(known)
        losses = retrieval_losses(outputs, batch.labels, 0.1)
        return {
            "tasks": losses.total(ENCODER_TASK_WEIGHTS),
            "mse": channel_mse(batch.s / network.scale, s_hat),
        }


def to_bits(matched: Tensor, weight: Tensor) -> Tensor:
    """Returns received values and SNRs [batch, places] in half precision: bool [batch, bits].

    The values are MMSE estimates, which have no large numbers in them.
    """
    both = torch.cat([matched / (1 + weight), weight.clamp(max=6e4)], 1).half()
    digits = torch.arange(HALF, device=both.device)
    return (both.view(torch.int16)[..., None].int() >> digits & 1).bool().flatten(1)


def from_bits(bits: Tensor) -> tuple[Tensor, Tensor]:
    """Returns what `to_bits` was given, rounded; no bits set stand for nothing received.

    >>> from_bits(to_bits(torch.tensor([[1.5]]), torch.tensor([[3.0]])))
    (tensor([[1.5000]]), tensor([[3.]]))
    >>> from_bits(torch.zeros(1, 2 * HALF, dtype=torch.bool))
    (tensor([[0.]]), tensor([[0.]]))
    """
    digits = torch.arange(HALF, device=bits.device)
    words = (bits.unflatten(1, (-1, HALF)).int() << digits).sum(2)
    # A flipped bit may make any number: those that no receiver sends count as nothing.
    both = words.to(torch.int16).view(torch.float16).float().nan_to_num(0, 0, 0)
    estimate, weight = both.clamp(-10, 6e4).tensor_split(2, 1)
    weight = weight.clamp_min(0)
    return estimate.clamp(max=10) * (1 + weight), weight
