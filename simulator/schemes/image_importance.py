"""Each image's own order of importance, as the transmitter computes it in a run."""

from __future__ import annotations

import torch
from torch import Tensor

from phy.power import normalize_power
from semantic.conventions import CODED_FEATURES
from semantic.link.network import LinkNetwork
from semantic.link.order import image_importance as importance_of_images
from semantic.link.order import ranked
from semantic.tiles import in_tiles


def image_order(link: LinkNetwork, f: Tensor, weight: float) -> Tensor:
    """Returns positions of f in the order of importance for each image itself.

    Args:
        link: The scheme's networks, which both ends have.
        f: [batch, L].
        weight: SNR of a feature that the transmitter expects.

    Returns:
        [batch, L] int64, descending, ties by position.
    """
    return ranked(image_importance(link, f, weight))


def image_importance(link: LinkNetwork, f: Tensor, weight: float) -> Tensor:
    """Returns `semantic.link.order.image_importance` [batch, L], in tiles."""

    def own(tile: Tensor) -> Tensor:
        return importance_of_images(
            link, tile, weight, lambda f: normalize_power(f, CODED_FEATURES)
        )

    with torch.inference_mode(False):  # the gradient needs a graph
        return in_tiles(own, f.clone())
