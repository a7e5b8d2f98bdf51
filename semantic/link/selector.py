"""The scalable feature selector: which B features go into the next slot.

Retransmitted features first, then new ones in the order both ends know (SemHARQ section IV-A).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from semantic.conventions import CODED_FEATURES


@dataclass(frozen=True)
class Selection:
    """The features of one slot.

    Attributes:
        position: [batch, B] int64 positions in f, distinct where sent.
        sent: [batch, B] bool; False where fewer than B features were left to send.
    """

    position: Tensor
    sent: Tensor

    @property
    def uses(self) -> Tensor:
        """[batch] int64, features that the slot really carries."""
        return self.sent.sum(1)

    def gather(self, f: Tensor) -> Tensor:
        """Values [batch, B] of f [batch, L] at the positions, zero where nothing is sent."""
        return f.gather(1, self.position) * self.sent

    def spread(self, value: Tensor) -> Tensor:
        """[batch, B] values at their positions in a zero vector [batch, L]."""
        zero = value.new_zeros(len(value), CODED_FEATURES)
        return zero.scatter(1, self.position, torch.where(self.sent, value, zero[:, :1]))

    def take(self, index: Tensor) -> Selection:
        """The rows of some of the images."""
        return Selection(self.position[index], self.sent[index])


def select(order: Tensor, covered: Tensor, again: Tensor, B: int) -> Selection:
    """Chooses the next slot's features.

    Args:
        order: [L] or [batch, L] int64, positions of f in descending importance.
        covered: [batch, L] bool, features that have been sent before.
        again: [batch, L] bool, features that the receiver asks for again.
        B: Features that the slot has room for.

    Returns:
        First those asked for, then unsent ones, each by importance; at most B.

    >>> order = torch.tensor([2, 0, 1, 3])
    >>> covered = torch.tensor([[True, False, True, False]])
    >>> again = torch.tensor([[False, False, True, False]])
    >>> select(order, covered, again, 3).position
    tensor([[2, 1, 3]])
    """
    order = order.expand(len(covered), -1)
    # 0 asked again, 1 new, 2 sent and not asked for; a stable sort keeps the order within each.
    group = (covered.byte() + 1).masked_fill_(again, 0).gather(1, order)
    group, place = group.sort(dim=1, stable=True)
    return Selection(order.gather(1, place[:, :B]), group[:, :B] < 2)


@dataclass(frozen=True)
class Plan:
    """Which features have been sent, and which go next: the same value at both ends.

    Attributes:
        covered: [batch, L] bool, features sent so far.
        selection: The features of the latest slot; None before the first.
    """

    covered: Tensor
    selection: Selection | None = None

    @classmethod
    def empty(cls, batch: int, device: torch.device | str = "cpu") -> Plan:
        """Nothing sent yet."""
        return cls(torch.zeros(batch, CODED_FEATURES, dtype=torch.bool, device=device))

    def next(self, order: Tensor, request: Tensor | None, B: int) -> Plan:
        """The plan with one more slot.

        Args:
            order: [L] or [batch, L], positions in descending importance.
            request: [batch, B] bool over the latest slot's features, those asked for again.
            B: Features that the next slot has room for.
        """
        again = torch.zeros_like(self.covered)
        if self.selection is not None and request is not None:
            again = self.selection.spread(request)
        selection = select(order, self.covered, again, B)
        return Plan(self.covered | selection.spread(selection.sent), selection)

    def take(self, index: Tensor) -> Plan:
        """The rows of some of the images."""
        selection = None if self.selection is None else self.selection.take(index)
        return Plan(self.covered[index], selection)
