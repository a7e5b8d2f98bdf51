"""The learned HARQ protocols: f sent feature by feature, by importance, in slots of B features.

Three objects make a protocol: the order of new features and how the receiver learns it
(`order_signaling`), the retransmission rule (`semantic.link.retransmission`) and the stopping rule
(`semantic.link.stopping`). Training plays the same protocol with the same objects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from phy.power import normalize_power
from phy.snr import snr_from_db
from semantic.conventions import CODED_FEATURES
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.buffer import Buffer, Combining, SlotFeatures
from semantic.link.network import LinkNetwork
from semantic.link.order import FixedOrder, order_of
from semantic.link.protocol import Protocol
from semantic.link.retransmission import Retransmission, largest_share, retransmission_of
from semantic.link.selector import Plan, Selection
from semantic.link.stopping import REASONS, Decode, Decoded, stopping_of
from semantic.tasks import TaskOutputs, rows_to_compute
from semantic.tiles import in_tiles
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme
from simulator.scheme_arguments import SemanticHarqArguments
from simulator.schemes.free_positions import FreePositions
from simulator.schemes.iq_mapping import demap_iq, map_iq
from simulator.schemes.order_signaling import ImageOrder, KnownOrder, OrderSignaling
from simulator.slots import Slot
from simulator.spec_fields import LARGE_BATCH_SIZE


@dataclass(frozen=True)
class TxState:
    """State of the transmitter.

    Attributes:
        f: [batch, L].
        plan: Features sent so far, and those of the latest slot.
        order: [batch, L], order of sending where each image has its own; None otherwise.
    """

    f: Tensor
    plan: Plan
    order: Tensor | None


@dataclass(frozen=True)
class RxState:
    """State of the receiver.

    Attributes:
        buffer: Received features, combined or concatenated.
        plan: Features sent so far; follows from the slots, its own requests and the headers.
        received_snr: [batch] SNR_r of eq. 17 so far.
        order: [batch, L], order of sending where each image has its own that both ends know.
        truth: [batch, L], f itself, for the oracle alone.
        header: [batch, bits] header of the coming burst; None for no header.
        request: [batch, B] bool, its request after the latest slot; None for no request.
        outputs: Task outputs of the images whose receive-SNR is above theta_0; None if they have not
            been computed.
        reach: Features of the order of sending, from its start, that the slots so far can have held.
    """

    buffer: Buffer
    plan: Plan
    received_snr: Tensor
    order: Tensor | None
    truth: Tensor | None = None
    header: Tensor | None = None
    request: Tensor | None = None
    outputs: Decoded | None = None
    reach: int = 0


@final
class SemanticHarq(Scheme):
    """The learned schemes: SemHARQ (section IV), and those that differ from it in the protocol.

    ```
    x -> encoder -> s -> JSC-Encoder -> f -> selector -> z~ -> power -> z -> x
    y -> matched filter -> buffer -> JSC-Decoder -> s_hat -> tasks -> U
                              |                                      |
                              +-> FDE -> p  <-- NACK -- SNR_r > theta? -- ACK
    ```

    Args:
        encoder: Images to s.
        link: The networks behind the encoder.
        protocol: Which features each slot carries, and when transmission ends.
        arguments: theta_0, I/Q mapping, retransmission ratio, equalizer, importance; None for the
            defaults.

    Raises:
        ValueError: If each image is to have its own order of importance, and the protocol's order
            is not that of importance; or the arguments contradict the link's reading.
    """

    reasons = REASONS
    batch_size = LARGE_BATCH_SIZE

    def __init__(
        self,
        encoder: MultiTaskNetwork,
        link: LinkNetwork,
        protocol: Protocol,
        arguments: SemanticHarqArguments | None = None,
    ) -> None:
        arguments = (arguments or SemanticHarqArguments()).trained(link.reading, protocol)
        self.encoder, self.link, self.protocol = encoder, link, protocol
        self.arguments = arguments
        self._limits: dict[float, float] = {}
        self._columns: dict[int, Tensor] = {}
        self.stopping = stopping_of(protocol.transmissions, snr_from_db(arguments.theta_0_db))
        self.open_loop = self.stopping.open_loop
        self.names_features = self.retransmission(0.0).names_features
        self.signaling = self._signaling()

    def _signaling(self) -> OrderSignaling:
        if self.arguments.importance == "mean":
            return KnownOrder(order_of(self.protocol, self.link))
        if self.protocol.order != "importance":
            order = self.protocol.order
            raise ValueError(f"a scheme that sends f in {order} order ranks no features")
        if self.arguments.positions == "header":
            return ImageOrder(self.link, self.arguments.features_per_use, self.names_features)
        return FreePositions(self.link, self.arguments.features_per_use)

    def retransmission(self, snr_db: float) -> Retransmission:
        """Returns the retransmission rule at an average SNR."""
        ratio, rule = self.arguments.ratio, self.protocol.retransmit
        if rule == "share":
            return retransmission_of(rule, largest_share(ratio))
        return retransmission_of(rule, lambda d, sent: self._limit(snr_db))

    def _limit(self, snr_db: float) -> float:
        """Returns the threshold at an average SNR, which is read from the device once."""
        if snr_db not in self._limits:
            self._limits[snr_db] = self.link.threshold_at(snr_db, self.arguments.ratio)
        return self._limits[snr_db]

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        """Returns one slot, all that f takes, or G_max."""
        return self.stopping.transmissions(slot.features, max_transmissions)

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Maps s, computed once for all schemes, to f."""
        return self.payload(encoded.features.s[index], encoded.features.kept[index])

    def payload(self, s: Tensor, images: np.ndarray) -> Payload:
        """Maps s [batch, N] of images, by number [batch], to f [batch, L]; the same at every SNR."""
        f = in_tiles(self.link.encode, s)
        return Payload({"f": f, **self.signaling.payload(images)})

    def clean_embedding(self, encoded: EncodedDataset, index: np.ndarray) -> Tensor:
        """Returns embeddings of the link's performers, which may be the encoder's own."""
        return encoded.embedding(self.link.performers, index)

    def start(self, payload: Payload, slot: Slot) -> tuple[TxState, RxState]:
        """Both ends begin with nothing sent."""
        f = payload.tensors["f"]
        tx_order, rx_order = self.signaling.start(f, payload.tensors, slot)
        if tx_order is not None and self.arguments.positions == "destroyed":
            f = torch.ones_like(f)
        plan, snr = Plan.empty(len(f), f.device), torch.zeros(len(f), device=f.device)
        truth = f if self.link.detector == "oracle" else None
        rx = RxState(self.link.empty_buffer(len(f)), plan, snr, rx_order, truth)
        return TxState(f, plan, tx_order), rx

    def transmit(self, tx: TxState, feedback: Feedback | None, slot: Slot) -> tuple[Burst, TxState]:
        """Sends the requested features and the next ones in order, power-controlled."""
        request, arrived = None, None
        if feedback is not None:
            request, arrived = feedback.request, feedback.request_received
        plan, header, bits = self.signaling.announce(
            tx.plan, tx.order, request, arrived, slot.features
        )
        assert plan.selection is not None
        per_use = self.arguments.features_per_use
        uses = -(-plan.selection.uses // per_use)
        z = normalize_power(plan.selection.gather(tx.f), uses)
        return Burst(map_iq(z, per_use), uses, header, bits), replace(tx, plan=plan)

    def sent_features(self, tx: TxState, slot: Slot) -> Tensor | None:
        """Returns the positions in f, requested ones first."""
        latest = tx.plan.selection
        return None if latest is None else latest.position.masked_fill(~latest.sent, -1)

    def read_header(self, rx: RxState, header: Tensor | None) -> RxState:
        """Keeps the header; it is read together with the burst."""
        return replace(rx, header=header)

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Combines and decodes; requests features until the stopping rule ends transmission."""
        plan = self.signaling.read(rx.plan, rx.order, rx.request, rx.header, slot.features)
        latest = plan.selection
        assert latest is not None
        B, arguments = latest.sent.shape[1], self.arguments
        matched, weight = demap_iq(
            received, B, arguments.features_per_use, arguments.equalizer, self.link.reading.parts
        )
        buffer = rx.buffer.add(SlotFeatures(latest, matched, weight))
        reach = rx.reach + B
        snr = rx.received_snr + (weight * latest.sent).sum(1) / latest.uses.clamp_min(1)
        ack, reason, outputs = self.stopping.answer(plan.covered, snr, self._decode(buffer, reach))
        rx = replace(rx, buffer=buffer, plan=plan, received_snr=snr, outputs=outputs, reach=reach)
        request = None if self.open_loop else self._request(rx, latest, ack, slot)
        # A request costs bits only if the receiver chooses the features.
        bits = latest.uses if self.names_features else torch.zeros_like(latest.uses)
        return Feedback(ack, request, bits, reason), replace(rx, request=request)

    def _decode(self, buffer: Buffer, reach: int) -> Decode:
        """Decodes in tiles, so that an answer does not depend on the other images of the batch."""
        columns = self._reached(reach)
        some = _only(buffer, columns)
        return lambda rows: TaskOutputs(
            *in_tiles(lambda tile: self.link.decode(some.take(tile), columns)[1], rows)
        )

    def _reached(self, reach: int) -> Tensor | None:
        """Returns the positions of the only features that any image can have, ascending.

        They are the first ones of the order of sending, whatever was requested. None for all of f:
        where each image has its own order, or where leaving out less than half of f saves little.
        """
        order = self.signaling.order if isinstance(self.signaling, KnownOrder) else None
        few = reach <= CODED_FEATURES // 2 and self.link.skips_columns
        if not few or not isinstance(order, FixedOrder):
            return None
        if reach not in self._columns:
            self._columns[reach] = order.positions[:reach].sort().values
        return self._columns[reach]

    def _request(self, rx: RxState, latest: Selection, ack: Tensor, slot: Slot) -> Tensor | None:
        """Returns the request [batch, B] over the latest slot's features (eq. 8).

        Acknowledged images request nothing, so that F need not judge their features.
        """
        rows = rows_to_compute(~ack)
        some = latest.take(rows)
        request = self.retransmission(slot.snr_db).request(
            some, lambda: self._distortion(rx, some, rows)
        )
        if request is None:
            return None
        return torch.zeros_like(latest.sent).index_put((rows,), request) & ~ack[:, None]

    def _distortion(self, rx: RxState, latest: Selection, rows: Tensor) -> Tensor:
        """Returns d [rows, L] of some images."""
        if (fde := self.link.fde) is not None:
            columns = self._reached(rx.reach)
            seen = self.link.fde_input(_only(rx.buffer, columns).take(rows))
            return in_tiles(lambda tile: fde.distortion(tile, columns), seen)
        buffer = rx.buffer.take(rows)
        truth = None if rx.truth is None else rx.truth[rows]
        return self.link.distortion(buffer, None if truth is None else _sent_values(truth, latest))

    def perform(self, rx: RxState) -> TaskOutputs:
        """Returns the outputs after the last slot."""
        return self.stopping.final_outputs(
            self._decode(rx.buffer, rx.reach), rx.received_snr, rx.outputs
        )


def _only(buffer: Buffer, columns: Tensor | None) -> Buffer:
    """Returns the buffer of some of the features; all of it for None."""
    if columns is None:
        return buffer
    assert isinstance(buffer, Combining)
    return buffer.columns(columns)


def _sent_values(f: Tensor, latest: Selection) -> Tensor:
    """Returns what a slot carried of f [batch, L], in units of received features; for the oracle."""
    return latest.spread(normalize_power(latest.gather(f), latest.uses))
