"""The scalable feature selector: it chooses the B features of the next slot.

Retransmitted features come first. New features follow in an order that both ends know (SemHARQ
section IV-A).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from semantic.conventions import CODED_FEATURES
from semantic.link.selector_kernel import first_places

#: Share of L up to which the B smallest are found faster than all are sorted.
PARTIAL = 8


@dataclass(frozen=True)
class Selection:
    """The features of one slot.

    Attributes:
        position: Positions in f, int64; distinct where `sent` is True.
        sent: False for places of the slot that stay empty because no feature was left.
    """

    position: Int[Tensor, "batch B"]
    sent: Bool[Tensor, "batch B"]

    @property
    def uses(self) -> Int[Tensor, " batch"]:
        """Number of features that the slot carries.

        >>> Selection(torch.tensor([[2, 0]]), torch.tensor([[True, False]])).uses
        tensor([1])
        """
        return self.sent.sum(1)

    def gather(self, f: Shaped[Tensor, "batch L"]) -> Shaped[Tensor, "batch B"]:
        """Returns the values of f at the positions, zero where nothing is sent.

        >>> some = Selection(torch.tensor([[2, 0]]), torch.tensor([[True, False]]))
        >>> some.gather(torch.tensor([[5.0, 6.0, 7.0]]))
        tensor([[7., 0.]])
        """
        return f.gather(1, self.position) * self.sent

    def spread(self, value: Shaped[Tensor, "batch B"]) -> Shaped[Tensor, "batch L"]:
        """Returns a zero vector of length L with the values at their positions.

        >>> some = Selection(torch.tensor([[2, 0]]), torch.tensor([[True, False]]))
        >>> some.spread(torch.tensor([[7.0, 9.0]]))[:, :4]
        tensor([[0., 0., 7., 0.]])
        """
        zero = value.new_zeros(len(value), CODED_FEATURES)
        return zero.scatter(1, self.position, torch.where(self.sent, value, zero[:, :1]))

    def add_to(
        self, total: Shaped[Tensor, "batch L"], value: Shaped[Tensor, "batch B"]
    ) -> Shaped[Tensor, "batch L"]:
        """Returns the total with the values added at their positions: one copy, no zero vector.

        >>> some = Selection(torch.tensor([[2, 0]]), torch.tensor([[True, False]]))
        >>> some.add_to(torch.ones(1, 4), torch.tensor([[7.0, 9.0]]))
        tensor([[1., 1., 8., 1.]])
        """
        added = torch.where(self.sent, value, value.new_zeros(()))
        dtype = torch.promote_types(total.dtype, value.dtype)
        return total.to(dtype).scatter_add(1, self.position, added.to(dtype))

    def take(self, index: Int[Tensor, " rows"]) -> Selection:
        """Returns the selection of some of the images."""
        return Selection(self.position[index], self.sent[index])


def select(
    order: Int[Tensor, "*batch L"],
    covered: Bool[Tensor, "images L"],
    again: Bool[Tensor, "images L"],
    B: int,
) -> Selection:
    """Selects the features of the next slot.

    Args:
        order: Positions of f in descending importance, [L], or [images, L] with an order for each
            image.
        covered: True for features that have been sent before.
        again: True for features of the retransmission request.
        B: Largest number of features of the slot.

    Returns:
        The requested features, then unsent ones, each group in descending importance; at most B.

    >>> order = torch.tensor([2, 0, 1, 3])
    >>> covered = torch.tensor([[True, False, True, False]])
    >>> again = torch.tensor([[False, False, True, False]])
    >>> select(order, covered, again, 3).position
    tensor([[2, 1, 3]])
    """
    if covered.device.type == "cpu":
        orders = order.reshape(-1, order.shape[-1]).numpy()
        chosen = first_places(orders, covered.numpy(), again.numpy(), min(B, orders.shape[1]))
        return Selection(*map(torch.from_numpy, chosen))
    return _select(order, covered, again, B)


def _select(order: Tensor, covered: Tensor, again: Tensor, B: int) -> Selection:
    """`select` in tensor operations, for any device."""
    # 0 requested, 1 new, 2 sent and not requested
    group = (covered.byte() + 1).masked_fill_(again, 0)
    group = group[:, order] if order.ndim == 1 else group.gather(1, order)
    group, place = _first(group, B)
    position = order[place] if order.ndim == 1 else order.gather(1, place)
    return Selection(position, group < 2)


def first_features(order: Int[Tensor, "*batch L"], images: int, B: int) -> Selection:
    """Selects the features of the first slot: the B most important ones.

    Args:
        order: As in `select`.
        images: Number of images.
        B: Largest number of features of the slot.

    >>> first_features(torch.tensor([2, 0, 1, 3]), 1, 2).position
    tensor([[2, 0]])
    """
    position = order[..., :B].expand(images, -1).contiguous()
    return Selection(position, torch.ones_like(position, dtype=torch.bool))


def _first(
    group: Shaped[Tensor, "images L"], B: int
) -> tuple[Shaped[Tensor, "images B"], Int[Tensor, "images B"]]:
    """Returns the B smallest values of each row and their places; of equal ones the first.

    >>> _first(torch.tensor([[2, 1, 0, 1]], dtype=torch.uint8), 3)[1]
    tensor([[2, 1, 3]])
    """
    L = group.shape[1]
    if B > L // PARTIAL:
        group, place = group.sort(dim=1, stable=True)
        return group[:, :B], place[:, :B]
    key = group.int().mul_(L).add_(torch.arange(L, dtype=torch.int32, device=group.device))
    least = key.topk(B, largest=False).values
    return least // L, (least % L).long()


@dataclass(frozen=True)
class Plan:
    """The features that have been sent, and those of the latest slot; both ends hold the same plan.

    Attributes:
        covered: True for features sent so far.
        selection: Features of the latest slot; None before the first.
    """

    covered: Bool[Tensor, "batch L"]
    selection: Selection | None = None

    @classmethod
    def empty(cls, batch: int, device: torch.device | str = "cpu") -> Plan:
        """Returns the plan before the first slot.

        >>> plan = Plan.empty(1).next(torch.arange(1024), None, 2)
        >>> plan.selection.position
        tensor([[0, 1]])
        """
        return cls(torch.zeros(batch, CODED_FEATURES, dtype=torch.bool, device=device))

    def next(
        self, order: Int[Tensor, "*batch L"], request: Bool[Tensor, "images latest"] | None, B: int
    ) -> Plan:
        """Returns the plan with one more slot.

        Args:
            order: Positions in descending importance, [L] or [images, L].
            request: Retransmission request: True for the features of the latest slot that are
                requested; None for no request.
            B: Largest number of features of the next slot.
        """
        if self.selection is None:
            selection = first_features(order, len(self.covered), B)
        else:
            again = torch.zeros_like(self.covered)
            if request is not None:
                again = self.selection.spread(request)
            selection = select(order, self.covered, again, B)
        return Plan(self.covered | selection.spread(selection.sent), selection)

    def take(self, index: Int[Tensor, " rows"]) -> Plan:
        """Returns the plan of some of the images."""
        selection = None if self.selection is None else self.selection.take(index)
        return Plan(self.covered[index], selection)
