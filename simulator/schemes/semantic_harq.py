"""The learned HARQ protocols: f sent feature by feature, by importance, in slots of B features."""

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
from semantic.link.buffer import Buffer, SlotFeatures
from semantic.link.network import LinkNetwork
from semantic.link.protocol import Protocol
from semantic.link.selector import Plan, Selection
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme, no_request, take
from simulator.scheme_arguments import SemanticHarqArguments
from simulator.schemes.iq_mapping import pack, unpack
from simulator.schemes.own_order import image_order, order_of, read_subset, write_header
from simulator.schemes.stopping import Decode, final_outputs, stopping_criterion
from simulator.slots import Slot

#: Seed of the random orders that both ends know.
ORDER_SEED = 2404


@dataclass(frozen=True)
class TxState:
    """What the transmitter remembers.

    Attributes:
        f: [batch, L].
        plan: Which of it has been sent.
        order: [batch, L], where each image has an order of its own.
    """

    f: Tensor
    plan: Plan
    order: Tensor | None


@dataclass(frozen=True)
class RxState:
    """What the receiver remembers.

    Attributes:
        buffer: Received features, combined or side by side.
        plan: Which features have been sent; follows from the slots and its own requests.
        received_snr: [batch] SNR_r of eq. 17 so far.
        order: [batch, L], where each image has an order of its own: from a shared seed, or as
            far as the latest header tells it.
        header: [batch, bits] the latest header; None where there is none to read.
        truth: [batch, L], f itself; for the genie alone.
        request: [batch, B] bool, what it asked for after the latest slot; None for nothing.
        outputs: The tasks on what has been received, where the receive-SNR is above theta_0; None
            where nobody has asked them.
    """

    buffer: Buffer
    plan: Plan
    received_snr: Tensor
    order: Tensor | None
    truth: Tensor | None = None
    header: Tensor | None = None
    request: Tensor | None = None
    outputs: TaskOutputs | None = None


@final
class SemanticHarq(Scheme):
    """The learned schemes: SemHARQ (section IV) and what differs from it by its protocol.

    ```
    x -> encoder -> s -> JSC-Encoder -> f -> selector -> z~ -> power -> z -> x
    y -> matched filter -> buffer -> JSC-Decoder -> s_hat -> tasks -> U
                              |                                      |
                              +-> FDE -> p  <-- NACK -- SNR_r > theta? -- ACK
    ```

    Args:
        encoder: Images to s.
        link: Everything behind it.
        protocol: Which features each slot carries, and when it ends.
        arguments: theta_0, I/Q mapping, retransmission ratio, equalizer, importance; None for the
            defaults.

    Raises:
        ValueError: If each image is to have its own order of importance, and the protocol's order
            is not that of importance.
    """

    reasons = (
        "transmissions used up",
        "stopping criterion met",
        "one shot",
        "all of f sent",
    )

    def __init__(
        self,
        encoder: MultiTaskNetwork,
        link: LinkNetwork,
        protocol: Protocol,
        arguments: SemanticHarqArguments | None = None,
    ) -> None:
        arguments = arguments or SemanticHarqArguments()
        if arguments.importance == "image" and protocol.order != "importance":
            raise ValueError(f"a scheme that sends f in {protocol.order} order ranks no features")
        self.encoder, self.link, self.protocol = encoder, link, protocol
        self.open_loop = protocol.transmissions != "harq"  # a fixed number of slots: no requests
        self.theta_0 = snr_from_db(arguments.theta_0_db)
        self.features_per_use, self.ratio = arguments.features_per_use, arguments.ratio
        self.equalizer, self.importance = arguments.equalizer, arguments.importance
        by_place = torch.arange(CODED_FEATURES, device=link.order.device)
        self.order = link.order if protocol.order == "importance" else by_place

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        """One slot, all that f takes, or G_max."""
        if self.protocol.transmissions == "harq":
            return max_transmissions
        return 1 if self.protocol.transmissions == "one" else -(-CODED_FEATURES // slot.features)

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """x -> s, from what was encoded once, -> f."""
        return self.payload(encoded.features.s[index], encoded.features.kept[index])

    def payload(self, s: Tensor, images: np.ndarray) -> Payload:
        """s [batch, N] of some images -> f [batch, L], the same at every SNR."""
        f = in_tiles(self.link.encode, s)
        if self.protocol.order != "random":
            return Payload({"f": f})
        orders = [
            np.random.default_rng([ORDER_SEED, int(i)]).permutation(CODED_FEATURES) for i in images
        ]
        return Payload({"f": f, "order": torch.from_numpy(np.stack(orders)).to(f.device)})

    def clean_embedding(self, encoded: EncodedDataset, index: np.ndarray) -> Tensor:
        """Of the link's performers, which are the encoder's where they are shared."""
        return encoded.embedding(self.link.performers, index)

    def start(self, payload: Payload, slot: Slot) -> tuple[TxState, RxState]:
        """Both ends begin with nothing sent."""
        f, order = payload.tensors["f"], payload.tensors.get("order")
        plan = Plan.empty(len(f), f.device)
        snr = torch.zeros(len(f), device=f.device)
        truth = f if self.link.detector == "oracle" else None
        empty = self.link.empty_buffer(len(f))
        rx = RxState(empty, plan, snr, order, truth)
        if self.importance == "image":
            expected = 2 * snr_from_db(slot.reported_snr_db) / self.features_per_use
            order = image_order(self.link, f, expected)
        return TxState(f, plan, order), rx

    def transmit(self, tx: TxState, feedback: Feedback | None, slot: Slot) -> tuple[Burst, TxState]:
        """The features asked for again and the next ones in order, power-controlled."""
        request = None if feedback is None else feedback.request
        plan = tx.plan.next(self._order(tx.order), request, slot.features)
        heard = None if feedback is None else feedback.request_received
        header = None if heard is None else heard[:, None]
        bits = None
        if self.importance == "image":
            new = plan.covered & ~tx.plan.covered
            plan = tx.plan.next(order_of(new), request, slot.features)
            if not self._names_features(request):
                heard = None
            elif heard is None:
                heard = torch.ones(len(new), dtype=torch.bool)
            header, bits = write_header(new, tx.plan.covered, heard)
        assert plan.selection is not None
        uses = -(-plan.selection.uses // self.features_per_use)
        z = normalize_power(plan.selection.gather(tx.f), uses)
        burst = Burst(pack(z, self.features_per_use), uses, header, bits)
        return burst, replace(tx, plan=plan)

    def read_header(self, rx: RxState, header: Tensor | None) -> RxState:
        """Whether the transmitter has heard the request; if not, it has followed none."""
        if self.importance == "image":
            return replace(rx, header=header)
        if header is None or rx.request is None:
            return rx
        return replace(rx, request=rx.request & header)

    def _told(self, rx: RxState, B: int) -> RxState:
        """What the header of a slot of B features says: which are new, by `own_order`."""
        assert rx.header is not None
        words, request, room = rx.header, rx.request, torch.full((len(rx.header),), B)
        if request is not None:
            if self._names_features(request):
                request = request & words[:, :1].to(request.device)
                words = words[:, 1:]
            room = room - request.sum(1).cpu()
        new = read_subset(words, rx.plan.covered, room)
        return replace(rx, order=order_of(new), request=request)

    def _names_features(self, request: Tensor | None) -> bool:
        """Whether a request was one that names features, and so may not have been heard."""
        return request is not None and self.protocol.retransmit == "distorted"

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Combines, decodes, and asks again until the receive-SNR outweighs the uncertainty."""
        if self.importance == "image":
            rx = self._told(rx, slot.features)
        plan = rx.plan.next(self._order(rx.order), rx.request, slot.features)
        latest = plan.selection
        assert latest is not None
        B = latest.sent.shape[1]
        matched, weight = unpack(received, B, self.features_per_use, self.equalizer)
        buffer = rx.buffer.add(SlotFeatures(latest, matched, weight))
        snr = rx.received_snr + (weight * latest.sent).sum(1) / latest.uses.clamp_min(1)
        rx = replace(rx, buffer=buffer, plan=plan, received_snr=snr)
        if self.protocol.transmissions != "harq":
            return self._finite(plan), rx
        ack, outputs = stopping_criterion(self._decode(buffer), snr, self.theta_0)
        request = self._request(rx, latest, ack, slot)
        # Only where the receiver chooses features does it have to name them.
        named = self.protocol.retransmit == "distorted"
        bits = latest.uses if named else torch.zeros_like(latest.uses)
        feedback = Feedback(ack, request, bits, ack.to(torch.int8))
        return feedback, replace(rx, request=request, outputs=outputs)

    def _order(self, own: Tensor | None) -> Tensor:
        return self.order if own is None else own

    def _finite(self, plan: Plan) -> Feedback:
        """The answer of schemes that end after one slot, or when f is through."""
        done = plan.covered.all(1) | (self.protocol.transmissions == "one")
        reason = 2 if self.protocol.transmissions == "one" else 3
        return no_request(done)._replace(reason=done.to(torch.int8) * reason)

    def _decode(self, buffer: Buffer) -> Decode:
        """Decodes in tiles, so that an answer does not depend on who else is in the batch."""
        return lambda rows: TaskOutputs(
            *in_tiles(lambda tile: self.link.decode(buffer.take(tile))[1], rows)
        )

    def _request(self, rx: RxState, latest: Selection, ack: Tensor, slot: Slot) -> Tensor | None:
        """p [batch, B] over the latest slot's features: those to be sent again (eq. 8)."""
        if self.protocol.retransmit == "none":
            return None
        request = latest.sent & ~ack[:, None]
        if self.protocol.retransmit == "all" or bool(ack.all()):
            return request
        # Nobody asks for features of an image that is acknowledged: F need not judge them.
        rows = (~ack).nonzero().flatten()
        rx, latest = take(rx, rows), latest.take(rows)
        if self.link.fde is not None:
            d = in_tiles(self.link.fde.distortion, self.link.fde_input(rx.buffer))
        else:
            d = self.link.distortion(rx.buffer, self._truth(rx, latest))
        threshold = self.link.threshold_at(slot.snr_db, self.ratio)
        distorted = d.gather(1, latest.position) >= threshold
        return request.index_put((rows,), distorted & latest.sent)

    def _truth(self, rx: RxState, latest: Selection) -> Tensor | None:
        """What the latest slot carried, in the units of received features; for the genie."""
        if rx.truth is None:
            return None
        z = normalize_power(latest.gather(rx.truth), latest.uses)
        return latest.spread(z)

    def perform(self, rx: RxState) -> TaskOutputs:
        """The outputs after the last slot."""
        return final_outputs(self._decode(rx.buffer), rx.received_snr, self.theta_0, rx.outputs)
