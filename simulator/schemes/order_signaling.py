"""How both ends know which features a slot carries.

Either both know the order of sending (`KnownOrder`), or each image has its own order of importance
(`ImageOrder`), which headers signal to the receiver:

    f -> gradient of this image's own predictions -> order -> new features of the next slot
      -> their selection among those not sent before, enumerative code -> header

Within a slot, features are sorted by their position in f, so that the selection says all. The
receiver knows how many features are new: those for which the slot has room beside its requests.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from phy.snr import snr_from_db
from semantic.link.network import LinkNetwork
from semantic.link.order import FixedOrder, Order
from semantic.link.selector import Plan
from simulator.schemes.enumerative_code import decode_selection, encode_selection
from simulator.schemes.image_importance import image_order
from simulator.slots import Slot


class Announced(NamedTuple):
    """A slot as the transmitter plans it.

    Attributes:
        plan: Features of the slot, and those sent so far.
        header: [batch, width] bool, `Burst.header`.
        header_bits: [batch] int64, `Burst.header_bits`.
    """

    plan: Plan
    header: Tensor | None
    header_bits: Tensor | None


class OrderSignaling(ABC):
    """How the receiver learns which features a slot carries."""

    @abstractmethod
    def payload(self, images: np.ndarray) -> dict[str, Tensor]:
        """Returns what a payload needs beside f, for images by number [batch]."""

    @abstractmethod
    def start(
        self, f: Tensor, payload: dict[str, Tensor], slot: Slot
    ) -> tuple[Tensor | None, Tensor | None]:
        """Returns the orders [batch, L] at (transmitter, receiver); None without one per image."""

    @abstractmethod
    def announce(
        self,
        sent: Plan,
        order: Tensor | None,
        request: Tensor | None,
        arrived: Tensor | None,
        B: int,
    ) -> Announced:
        """Plans the next slot at the transmitter.

        Args:
            sent: The plan so far.
            order: The transmitter's order from `start`.
            request: [batch, B] bool, retransmission request.
            arrived: [batch] bool, whether the request arrived; None on a link without errors.
            B: Features of the slot.
        """

    @abstractmethod
    def read(
        self,
        sent: Plan,
        order: Tensor | None,
        request: Tensor | None,
        header: Tensor | None,
        B: int,
    ) -> Plan:
        """Returns the plan of the next slot at the receiver.

        Args:
            sent: The plan so far.
            order: The receiver's order from `start`.
            request: [batch, B] bool, its own retransmission request.
            header: The slot's header.
            B: Features of the slot.
        """


def announce_known(
    sent: Plan, positions: Tensor, request: Tensor | None, arrived: Tensor | None, B: int
) -> Announced:
    """Plans by an order that both ends know; one header bit on a feedback link with errors."""
    header = None if arrived is None else arrived[:, None]
    return Announced(sent.next(positions, request, B), header, None)


def read_known(
    sent: Plan, positions: Tensor, request: Tensor | None, header: Tensor | None, B: int
) -> Plan:
    """Plans by an order that both ends know; a request that did not arrive is not followed."""
    if header is not None and request is not None:
        request = request & header.to(request.device)
    return sent.next(positions, request, B)


@final
@dataclass(frozen=True)
class KnownOrder(OrderSignaling):
    """Both ends know the order; a header only says whether the request arrived.

    Attributes:
        order: The order.
    """

    order: Order

    def payload(self, images: np.ndarray) -> dict[str, Tensor]:
        """Returns the images' orders where each image has its own."""
        positions = self.order.of_images(images)
        return {"order": positions} if positions.dim() == 2 else {}

    def start(
        self, f: Tensor, payload: dict[str, Tensor], slot: Slot
    ) -> tuple[Tensor | None, Tensor | None]:
        """Returns the same at both ends."""
        return payload.get("order"), payload.get("order")

    def announce(
        self,
        sent: Plan,
        order: Tensor | None,
        request: Tensor | None,
        arrived: Tensor | None,
        B: int,
    ) -> Announced:
        """Plans by the known order; one header bit on a feedback link with errors."""
        return announce_known(sent, self._positions(order), request, arrived, B)

    def read(
        self,
        sent: Plan,
        order: Tensor | None,
        request: Tensor | None,
        header: Tensor | None,
        B: int,
    ) -> Plan:
        """Plans by the known order; a request that did not arrive is not followed."""
        return read_known(sent, self._positions(order), request, header, B)

    def _positions(self, order: Tensor | None) -> Tensor:
        if order is not None:
            return order
        assert isinstance(self.order, FixedOrder)  # others are in the payload
        return self.order.positions


@final
@dataclass(frozen=True)
class ImageOrder(OrderSignaling):
    """Each image's own order of importance, sent in headers.

    Attributes:
        link: The networks, which both ends have.
        features_per_use: Features that share the power of a use.
        names_features: Whether requests name features, and so may not arrive.
    """

    link: LinkNetwork
    features_per_use: int
    names_features: bool

    def payload(self, images: np.ndarray) -> dict[str, Tensor]:
        """Returns nothing: the order depends on the SNR."""
        return {}

    def start(
        self, f: Tensor, payload: dict[str, Tensor], slot: Slot
    ) -> tuple[Tensor | None, Tensor | None]:
        """Returns the images' orders at the transmitter; the receiver has none."""
        expected = 2 * snr_from_db(slot.reported_snr_db) / self.features_per_use
        return image_order(self.link, f, expected), None

    def announce(
        self,
        sent: Plan,
        order: Tensor | None,
        request: Tensor | None,
        arrived: Tensor | None,
        B: int,
    ) -> Announced:
        """Plans by the image's order, and announces the selection of new features."""
        assert order is not None
        new = sent.next(order, request, B).covered & ~sent.covered
        if request is None or not self.names_features:
            arrived = None
        elif arrived is None:
            arrived = torch.ones(len(new), dtype=torch.bool)
        header, bits = write_header(new, sent.covered, arrived)
        return Announced(sent.next(new_first(new), request, B), header, bits)

    def read(
        self,
        sent: Plan,
        order: Tensor | None,
        request: Tensor | None,
        header: Tensor | None,
        B: int,
    ) -> Plan:
        """Plans by the selection that the header announces."""
        assert header is not None
        room = torch.full((len(header),), B)
        if request is not None:
            if self.names_features:
                request = request & header[:, :1].to(request.device)
                header = header[:, 1:]
            room = room - request.sum(1).cpu()
        new = read_new_features(header, sent.covered, room)
        return sent.next(new_first(new), request, B)


def new_first(new: Tensor) -> Tensor:
    """Returns positions [batch, L]: those of `new` [batch, L] bool first, each part ascending."""
    return (~new).byte().argsort(dim=1, stable=True)


def write_header(new: Tensor, covered: Tensor, arrived: Tensor | None) -> tuple[Tensor, Tensor]:
    """Returns the header of a slot.

    Args:
        new: [batch, L] bool, features that are sent for the first time.
        covered: [batch, L] bool, features sent before.
        arrived: [batch] bool, whether the request arrived, the header's first bit; None for no such
            bit.

    Returns:
        (header [batch, width] bool, length of each row's header in bits [batch] int64).
    """
    rows, free = new.cpu().numpy(), ~covered.cpu().numpy()
    words = [encode_selection(row[left]) for row, left in zip(rows, free, strict=True)]
    if arrived is not None:
        words = [
            np.concatenate([[flag], word]).astype(bool)
            for flag, word in zip(arrived.tolist(), words, strict=True)
        ]
    bits = np.array([len(word) for word in words], dtype=np.int64)
    header = np.zeros((len(words), int(bits.max(initial=0))), dtype=bool)
    for row, word in zip(header, words, strict=True):
        row[: len(word)] = word
    return torch.from_numpy(header), torch.from_numpy(bits)


def read_new_features(words: Tensor, covered: Tensor, count: Tensor) -> Tensor:
    """Returns the new features [batch, L] bool that some headers announce.

    Args:
        words: [batch, width] bool, headers without the bit about the request.
        covered: [batch, L] bool, features sent before.
        count: [batch] int64, most new features of each row.
    """
    new = np.zeros(covered.shape, dtype=bool)
    free = ~covered.cpu().numpy()
    for row, word, left, k in zip(new, words.numpy(), free, count.tolist(), strict=True):
        n = int(left.sum())
        row[left] = decode_selection(word, n, min(k, n))
    return torch.from_numpy(new).to(covered.device)
