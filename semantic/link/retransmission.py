"""Retransmission: which features of the latest slot come first in the next one.

Simulation and training use the same objects. They differ in the limit above which a feature counts
as distorted: a run takes a calibrated threshold (eq. 8), training the median of each image.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from semantic.link.protocol import Retransmit
from semantic.link.selector import Selection

#: The distortion d [batch, L] of the features that have been received.
Distortion = Callable[[], Tensor]
#: (d [batch, B] of the latest slot, which of its features were sent [batch, B]) -> the least d that
#: is requested again, a number or [batch, 1].
Limit = Callable[[Tensor, Tensor], Tensor | float]


class Retransmission(ABC):
    """A rule for retransmission requests.

    Attributes:
        names_features: Whether the receiver chooses features. Its request then has to name them:
            it costs feedback bits, and it can get lost.
    """

    names_features: bool = False

    @abstractmethod
    def request(self, latest: Selection, distortion: Distortion) -> Tensor | None:
        """Returns the retransmission request.

        Args:
            latest: Features of the latest slot.
            distortion: Computes d; called only by rules that need it.

        Returns:
            [batch, B] bool over the features of the latest slot; None if there are no requests.
        """


@final
class NoRetransmission(Retransmission):
    """Only new features (incremental knowledge)."""

    def request(self, latest: Selection, distortion: Distortion) -> None:
        """Requests nothing."""
        return


@final
class RetransmitAll(Retransmission):
    """All features of the latest slot again (retransmission only)."""

    def request(self, latest: Selection, distortion: Distortion) -> Tensor:
        """Requests every feature that was sent."""
        return latest.sent


@final
@dataclass(frozen=True)
class RetransmitDistorted(Retransmission):
    """The distorted features again: those with d of at least a limit (SemHARQ eq. 8).

    Attributes:
        limit: The limit.
    """

    limit: Limit
    names_features: bool = True

    def request(self, latest: Selection, distortion: Distortion) -> Tensor:
        """Requests the distorted features; without images, d is not computed."""
        if not len(latest.sent):
            return latest.sent
        d = distortion().gather(1, latest.position)
        return (d >= self.limit(d, latest.sent)) & latest.sent


def median_of_sent(d: Tensor, sent: Tensor) -> Tensor:
    """Returns the limit of training: the median d of each image's sent features, [batch, 1].

    >>> median_of_sent(torch.tensor([[0.1, 0.5, 0.9]]), torch.tensor([[True, True, False]]))
    tensor([[0.1000]])
    """
    return d.masked_fill(~sent, torch.nan).nanmedian(1, keepdim=True).values


def largest_share(ratio: float) -> Limit:
    """Returns the limit that requests the share `ratio` of each image's sent features.

    >>> d, sent = torch.tensor([[0.1, 0.9, 0.5, 0.7]]), torch.tensor([[True, True, True, False]])
    >>> largest_share(0.34)(d, sent)
    tensor([[0.9000]])
    """

    def limit(d: Tensor, sent: Tensor) -> Tensor:
        count = (ratio * sent.sum(1, keepdim=True)).round().long()
        ranked = d.masked_fill(~sent, -torch.inf).sort(dim=1, descending=True).values
        least = ranked.gather(1, (count - 1).clamp_min(0))
        return torch.where(count > 0, least, torch.inf)

    return limit


def retransmission_of(retransmit: Retransmit, limit: Limit) -> Retransmission:
    """Returns the rule of a protocol.

    Args:
        retransmit: `Protocol.retransmit`.
        limit: Limit of the distorted features.
    """
    if retransmit == "none":
        return NoRetransmission()
    return RetransmitAll() if retransmit == "all" else RetransmitDistorted(limit)
