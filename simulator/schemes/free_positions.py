"""Each image's own order of sending, known to the receiver without any cost.

A control, and a reading of the papers, which do not say how the receiver knows the positions. They
carry information about the image: about 110 bits for 15 of 1024 features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from torch import Tensor

from phy.snr import snr_from_db
from semantic.link.network import LinkNetwork
from semantic.link.selector import Plan
from simulator.schemes.image_importance import image_order
from simulator.schemes.order_signaling import (
    Announced,
    OrderSignaling,
    announce_known,
    new_first,
)
from simulator.slots import Slot


@final
@dataclass(frozen=True)
class FreePositions(OrderSignaling):
    """Each image's own order of importance, at both ends.

    Attributes:
        link: The networks, which both ends have.
        features_per_use: Features that share the power of a use.
    """

    link: LinkNetwork
    features_per_use: int

    def payload(self, images: np.ndarray) -> dict[str, Tensor]:
        """Returns nothing: the order depends on the SNR."""
        return {}

    def start(
        self, f: Tensor, payload: dict[str, Tensor], slot: Slot
    ) -> tuple[Tensor | None, Tensor | None]:
        """Returns the images' orders at both ends."""
        expected = 2 * snr_from_db(slot.reported_snr_db) / self.features_per_use
        order = image_order(self.link, f, expected)
        return order, order

    def announce(
        self,
        sent: Plan,
        order: Tensor | None,
        request: Tensor | None,
        arrived: Tensor | None,
        B: int,
    ) -> Announced:
        """Plans by the image's order; one header bit on a feedback link with errors."""
        assert order is not None
        return announce_known(sent, self._by_position(sent, order, request, B), request, arrived, B)

    def read(
        self,
        sent: Plan,
        order: Tensor | None,
        request: Tensor | None,
        header: Tensor | None,
        B: int,
    ) -> Plan:
        """Plans by the image's order."""
        assert order is not None
        if header is not None and request is not None:
            request = request & header.to(request.device)
        return sent.next(self._by_position(sent, order, request, B), request, B)

    def _by_position(self, sent: Plan, order: Tensor, request: Tensor | None, B: int) -> Tensor:
        """Sorts the new features of the slot by position, as headers do: the same numbers follow."""
        return new_first(sent.next(order, request, B).covered & ~sent.covered)
