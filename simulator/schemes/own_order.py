"""FIR for each image by itself: an order that the receiver cannot know and has to be told.

    f -> gradient of this image's own predictions -> order -> the next slot's new features
      -> their subset of those not sent before, enumerated -> header

Within a slot features stand by their place in f, so that the subset says all. The receiver knows
how many are new: what the slot has room for beside those that it has asked for again.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from phy.power import normalize_power
from semantic.conventions import CODED_FEATURES
from semantic.link.buffer import SlotFeatures
from semantic.link.importance import importance
from semantic.link.network import LinkNetwork
from semantic.link.selector import Selection
from semantic.tiles import in_tiles
from simulator.schemes.enumerative_code import decode_subset, encode_subset


def image_order(link: LinkNetwork, f: Tensor, weight: float) -> Tensor:
    """Positions of f by the importance that each feature has for its own image.

    The transmitter plays the link once as it expects it to be: f complete, the gains at their mean
    power, no noise. A feature counts by the gradient of the predicted classes (eq. 13-14).

    Args:
        link: The scheme's networks, which both ends have.
        f: [batch, L].
        weight: SNR of a feature, as the transmitter expects it.

    Returns:
        [batch, L] int64, descending, ties by position.
    """

    def probabilities(f: Tensor) -> tuple[Tensor, ...]:
        place = torch.arange(CODED_FEATURES, device=f.device).expand(len(f), -1)
        all_of_f = Selection(place, torch.ones_like(f, dtype=torch.bool))
        z = normalize_power(f, CODED_FEATURES)
        slot = SlotFeatures(all_of_f, weight * z, torch.full_like(z, weight))
        return link.decode(link.empty_buffer(len(f)).add(slot))[1].probabilities

    with torch.inference_mode(False):  # a gradient is wanted
        found = in_tiles(lambda tile: importance(probabilities, tile), f.clone())
    return found.argsort(dim=1, descending=True, stable=True)


def order_of(new: Tensor) -> Tensor:
    """[batch, L] positions, those of `new` [batch, L] bool first, each part by place."""
    return (~new).byte().argsort(dim=1, stable=True)


def write_header(new: Tensor, covered: Tensor, heard: Tensor | None) -> tuple[Tensor, Tensor]:
    """What the receiver is told of a slot.

    Args:
        new: [batch, L] bool, features that are sent for the first time.
        covered: [batch, L] bool, those sent before.
        heard: [batch] bool, whether the request was heard; a bit of the header. None for no bit.

    Returns:
        (header [batch, width] bool, bits [batch] int64 that it has in each row).
    """
    rows, free = new.cpu().numpy(), ~covered.cpu().numpy()
    words = [encode_subset(row[left]) for row, left in zip(rows, free, strict=True)]
    if heard is not None:
        words = [
            np.concatenate([[flag], word]).astype(bool)
            for flag, word in zip(heard.tolist(), words, strict=True)
        ]
    bits = np.array([len(word) for word in words], dtype=np.int64)
    header = np.zeros((len(words), int(bits.max(initial=0))), dtype=bool)
    for row, word in zip(header, words, strict=True):
        row[: len(word)] = word
    return torch.from_numpy(header), torch.from_numpy(bits)


def read_subset(words: Tensor, covered: Tensor, count: Tensor) -> Tensor:
    """The new features [batch, L] bool out of the code words [batch, width] of some headers.

    Args:
        words: Headers without the bit of the request.
        covered: [batch, L] bool, features sent before.
        count: [batch] int64, how many new ones there are at most.
    """
    new = np.zeros(covered.shape, dtype=bool)
    free = ~covered.cpu().numpy()
    for row, word, left, k in zip(new, words.numpy(), free, count.tolist(), strict=True):
        n = int(left.sum())
        row[left] = decode_subset(word, n, min(k, n))
    return torch.from_numpy(new).to(covered.device)
