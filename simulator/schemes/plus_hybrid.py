"""plus-hybrid: the first bits of the latent features by short codes, the rest as analog values."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from phy.coding.short_code import ShortCode
from phy.modulation import Modulation
from phy.power import normalize_power
from phy.snr import snr_from_db
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.stopping import REASONS, Decode, StoppingCriterion
from semantic.plus.hybrid import LatentQuantizer, bits_of, message_of
from semantic.plus.network import PlusNetwork
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from simulator.encoded_dataset import EncodedDataset
from simulator.plus_arguments import PlusHybridArguments
from simulator.scheme import Burst, Feedback, Payload, Scheme
from simulator.schemes.hybrid_state import (
    Estimate,
    Plans,
    Progress,
    RxState,
    TxState,
    finish_blocks,
)
from simulator.schemes.hybrid_timetable import PLACES
from simulator.schemes.iq_mapping import demap_iq, map_iq
from simulator.slots import Slot
from simulator.spec_fields import LARGE_BATCH_SIZE

#: Modulation of the coded bits, two on a use.
QPSK = Modulation("qpsk")


@final
class PlusHybrid(Scheme):
    """Sends bits until the receiver has decoded them, then the analog rest.

    ```
    s -> JSC-Encoder -> c -> quantizer -> bits -> short code -> QPSK -> x     until a bit of feedback
                          +-> c - codewords -> schedule -> power -> I/Q -> x  from then on
    y -> LLRs -> P(message) -> mean codewords --+-> estimate of c -> JSC-Decoder -> s_hat -> tasks, U
      -> matched filter -> estimate of the rest +
    ```

    A short code is rateless: each burst continues the code words of the images whose block the
    receiver cannot decode yet. One bit of feedback for each burst says whether it can (posterior
    probability above `block_confidence`). Then the next block follows, or the analog rest if too few uses are
    left for a block. The receiver also uses blocks that it cannot decode, by the probabilities of their
    messages. An image is acknowledged after whole slots only.

    Args:
        encoder: Images to s.
        network: Everything behind it, with a quantizer of the latent features.
        plans: Timetables and schedules.
        arguments: theta_0 and confidence; None for the defaults.
    """

    reasons = REASONS[:2]
    batch_size = LARGE_BATCH_SIZE

    def __init__(
        self,
        encoder: MultiTaskNetwork,
        network: PlusNetwork,
        plans: Plans,
        arguments: PlusHybridArguments | None = None,
    ) -> None:
        assert network.quantizer is not None
        arguments = arguments or PlusHybridArguments()
        self.encoder, self.network, self.plans = encoder, network, plans
        self.quantizer: LatentQuantizer = network.quantizer
        self.left = network.quantizer.variances
        self.confidence = arguments.block_confidence
        self.stopping = StoppingCriterion(snr_from_db(arguments.theta_0_db))

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        """Returns the number of bursts in G_max slots."""
        return len(self.plans.timetable(slot).sizes)

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Encodes s, which was computed once for all schemes, into c and its indices."""
        c = in_tiles(self.network.encode, encoded.features.s[index])
        return Payload({"c": c, "index": in_tiles(self.quantizer.quantize, c)})

    def clean_embedding(self, encoded: EncodedDataset, index: np.ndarray) -> Tensor:
        """Returns the embedding of the network's own performers, shared or not."""
        return encoded.embedding(self.network.performers, index)

    def start(self, payload: Payload, slot: Slot) -> tuple[TxState, RxState]:
        """Returns the initial states: nothing sent."""
        c = payload.tensors["c"]
        none, zero = torch.zeros(len(c), dtype=torch.int64, device=c.device), torch.zeros_like(c)
        progress = Progress(none, none, none)
        llr = c.new_zeros(len(c), 2 * self.plans.timetable(slot).digital_uses)
        rx = RxState(
            progress=progress,
            stages=none,
            decoded=none.bool(),
            llr=llr,
            mean=zero,
            variance=zero,
            latest_mean=zero,
            latest_variance=zero,
            matched=zero,
            precision=zero,
            received_snr=c.new_zeros(len(c)),
        )
        return TxState(c, payload.tensors["index"], progress), rx

    def transmit(self, tx: TxState, feedback: Feedback | None, slot: Slot) -> tuple[Burst, TxState]:
        """Returns the burst: coded bits of some images, analog values of the others."""
        table, at = self.plans.timetable(slot), tx.progress
        decoded, header = torch.zeros_like(at.block, dtype=torch.bool), None
        if feedback is not None and feedback.request is not None:
            decoded = feedback.request[:, 0].to(decoded.device)
            if feedback.request_received is not None:
                header = feedback.request_received[:, None]
        block, bits, digital = table.advance(at.bursts, at.block, at.bits, decoded)
        at, uses = replace(at, block=block, bits=bits), table.sizes[at.bursts]
        x = torch.zeros(len(tx.c), uses, dtype=torch.complex64, device=tx.c.device)
        for number, stages in enumerate(table.blocks):
            rows = (digital & (block == number)).nonzero().flatten()
            if len(rows):
                message = message_of(tx.index[rows], stages)
                words = ShortCode(bits_of(stages)).encode(message, 0, 2 * table.digital_uses)
                x[rows] = QPSK.map(words.gather(1, _run(bits[rows], 2 * uses).cpu())).to(x.device)
        for number, count in enumerate(table.stages):
            rows = (~digital & (block == number)).nonzero().flatten()
            if len(rows):
                rest = tx.c[rows] - self.quantizer.codeword(tx.index[rows], count)
                place, deviation = self._places(slot, count, at.places[rows], uses)
                z = normalize_power(rest.gather(1, place) / deviation, uses)
                x[rows] = map_iq(z, 2)
        burst = Burst(x, torch.full((len(x),), uses), header)
        return burst, replace(tx, progress=at.after(digital, uses))

    def _places(self, slot: Slot, stages: int, first: Tensor, uses: int) -> tuple[Tensor, Tensor]:
        """Returns feature and standard deviation of the rest at each place, [rows, 2 uses]."""
        position = self.plans.positions(slot)[stages].to(first.device)
        place = position[_run(first, 2 * uses) % PLACES]
        return place, self.left[stages].sqrt()[place]

    def read_header(self, rx: RxState, header: Tensor | None) -> RxState:
        """Reads from the header whether the transmitter received the latest feedback."""
        if header is None:
            return rx
        return replace(rx, decoded=rx.decoded & header[:, 0].to(rx.decoded.device))

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Adds a burst, decodes the latest blocks, and applies the stopping criterion."""
        table, at = self.plans.timetable(slot), rx.progress
        number, uses = at.bursts, table.sizes[at.bursts]
        block, bits, digital = table.advance(number, at.block, at.bits, rx.decoded)
        rx = finish_blocks(rx, (block > at.block)[:, None])
        received = received._replace(h=received.h.expand_as(received.y))
        at = replace(at, block=block, bits=bits)
        rx, decoded = self._add_coded(rx, at, digital, received, slot)
        rx = self._add_analog(rx, at, ~digital, received, slot)
        gain = 2 * (received.h.real.square() + received.h.imag.square()) / received.no
        # In sequence: the rounding of a sum must not depend on the size of the batch.
        snr = rx.received_snr + gain.cumsum(1)[:, -1] / slot.features
        at = at.after(digital, uses)
        stages = torch.tensor(table.stages, device=block.device)[at.block + (at.bits > 0).long()]
        rx = replace(rx, progress=at, stages=stages, decoded=decoded, received_snr=snr)
        ack, outputs = torch.zeros_like(decoded), None
        if table.ends_slot[number]:
            ack, _, outputs = self.stopping.decide(snr, self._decode(rx))
        feedback = Feedback(ack, decoded[:, None], digital.long().cpu(), ack.to(torch.int8))
        return feedback, replace(rx, outputs=outputs)

    def _add_coded(
        self, rx: RxState, at: Progress, digital: Tensor, received: Received, slot: Slot
    ) -> tuple[RxState, Tensor]:
        """Adds the LLRs of a burst; returns the state, and whether each block is decoded."""
        table = self.plans.timetable(slot)
        width, decoded = table.coded_bits(at.bursts), torch.zeros_like(digital)
        llr, mean, variance = rx.llr.clone(), rx.latest_mean.clone(), rx.latest_variance.clone()
        for number, stages in enumerate(table.blocks):
            rows = (digital & (at.block == number)).nonzero().flatten()
            if not len(rows):
                continue
            some = _rows(received, rows)
            count = 2 * received.y.shape[1]
            # A bit is +1 or -1 on I or Q, as two features on a use are: its LLR is twice SNR y.
            found = 2 * demap_iq(some, count, 2)[0]
            llr[rows] = llr[rows].scatter(1, _run(at.bits[rows], count), found)
            decode = partial(self._decode_block, stages)
            mean[rows], variance[rows], most = in_tiles(decode, llr[rows, :width])
            decoded[rows] = most > self.confidence
        return replace(rx, llr=llr, latest_mean=mean, latest_variance=variance), decoded

    def _decode_block(self, stages: tuple[int, ...], llr: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns mean and variance of a block's codewords, and the best message's probability."""
        prior = self.quantizer.prior(stages).cpu()
        probability = ShortCode(bits_of(stages)).posterior(llr.cpu(), prior).to(llr.device)
        return (*self.quantizer.estimate(stages, probability), probability.amax(1))

    def _add_analog(
        self, rx: RxState, at: Progress, analog: Tensor, received: Received, slot: Slot
    ) -> RxState:
        """Adds the analog values of a burst."""
        matched, precision, uses = rx.matched.clone(), rx.precision.clone(), received.y.shape[1]
        for number, count in enumerate(self.plans.timetable(slot).stages):
            rows = (analog & (at.block == number)).nonzero().flatten()
            if not len(rows):
                continue
            some = _rows(received, rows)
            value, weight = demap_iq(some, 2 * uses, 2)
            place, deviation = self._places(slot, count, at.places[rows], uses)
            for column in range(2 * uses):  # in sequence, so that every device adds in this order
                k, scale = place[:, column], deviation[:, column]
                matched[rows, k] += value[:, column] / scale
                precision[rows, k] += weight[:, column] / scale.square()
        return replace(rx, matched=matched, precision=precision)

    def perform(self, rx: RxState) -> TaskOutputs:
        """Returns the outputs after the last slot."""
        return self.stopping.final_outputs(self._decode(rx), rx.received_snr, rx.outputs)

    def estimate(self, rx: RxState, rows: Tensor) -> Estimate:
        """Returns what the receiver knows of the latent features of some images."""
        rest = 1 / (1 / self.left[rx.stages[rows]] + rx.precision[rows])
        return Estimate(
            rx.mean[rows] + rx.latest_mean[rows] + rest * rx.matched[rows],
            rx.variance[rows] + rx.latest_variance[rows] + rest,
        )

    def _decode(self, rx: RxState) -> Decode:
        """Decodes in tiles, so that an answer does not depend on the other images of the batch."""

        def decode(rows: Tensor) -> TaskOutputs:
            found = in_tiles(
                lambda *some: tuple(self.network.decode(Estimate(*some))[1]),
                *self.estimate(rx, rows),
            )
            return TaskOutputs(*found)

        return decode


def _run(first: Tensor, count: int) -> Tensor:
    """Returns `count` consecutive numbers from each first one, [rows, count]."""
    return first[:, None] + torch.arange(count, device=first.device)


def _rows(received: Received, rows: Tensor) -> Received:
    """Returns the received burst of some images; the noise variance may be the same for all."""
    no = received.no[rows] if len(received.no) > 1 else received.no
    return Received(received.y[rows], received.h[rows], no)
