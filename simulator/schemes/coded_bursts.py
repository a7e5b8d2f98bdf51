"""Bursts of many images' coded bits: mapped and demapped together, each image's as if alone.

Bursts differ in length. Each operation acts on one use alone and rounds alike wherever the use is
in an array, so that the rows of a batch can be computed at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from phy.channel import Received
from phy.coding.code_block_groups import sent_bits
from phy.coding.transport import TransportCodec
from phy.modulation import Modulation

#: Channel uses that are demapped at once: their numbers stay in a core's cache.
AT_ONCE = 1 << 14


def map_bursts(codecs: Sequence[TransportCodec], bits: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Maps the coded bits of each image to symbols.

    Args:
        codecs: Codec of each image, at least one.
        bits: [n] uint8 of each image.

    Returns:
        [batch, uses] complex64, 0 behind the end of a burst; [batch] int64 uses.
    """
    lengths = torch.tensor([len(row) for row in bits])
    orders = torch.tensor([Modulation(c.modulation).bits_per_symbol for c in codecs])
    uses = lengths // orders
    x = torch.zeros(len(bits), int(uses.max()), dtype=torch.complex64)
    for name, rows in _by_modulation(codecs):
        symbols = Modulation(name).map(pad_sequence([bits[i] for i in rows], batch_first=True))
        x[rows, : symbols.shape[1]] = symbols
    return x.masked_fill_(torch.arange(x.shape[1]) >= uses[:, None], 0), uses


def demap_bursts(
    codecs: Sequence[TransportCodec], groups: Tensor, received: Received
) -> list[Tensor]:
    """Returns the LLRs [1, coded_bits] of one transmission of each image.

    Args:
        codecs: Codec of each image.
        groups: [batch, groups] bool, code-block groups that were sent; the others have LLRs of 0.
        received: The bursts, on the CPU.
    """
    every = groups.all(1).tolist()
    sent = [
        None if whole else sent_bits(codec, wanted)
        for codec, wanted, whole in zip(codecs, groups, every, strict=True)
    ]
    found = [
        codec.coded_bits if s is None else int(s.sum())
        for codec, s in zip(codecs, sent, strict=True)
    ]
    no = received.no.expand(received.y.shape)
    llrs: list[Tensor] = [torch.empty(0)] * len(codecs)
    for name, rows in _by_modulation(codecs):
        modulation = Modulation(name)
        order = modulation.bits_per_symbol
        most = max(found[i] for i in rows) // order
        for some in torch.tensor(rows).split(max(1, AT_ONCE // max(1, most))):
            y, h, variance = (value[some, :most] for value in (received.y, received.h, no))
            for i, row in zip(some.tolist(), modulation.demap(y, h, variance), strict=True):
                llrs[i] = row[None, : found[i]]
    return [
        llr if s is None else torch.zeros(1, codec.coded_bits).masked_scatter_(s, llr)
        for codec, s, llr in zip(codecs, sent, llrs, strict=True)
    ]


def _by_modulation(codecs: Sequence[TransportCodec]) -> Iterator[tuple[str, list[int]]]:
    """Yields each modulation and the images that use it."""
    for name in dict.fromkeys(codec.modulation for codec in codecs):
        yield name, [i for i, codec in enumerate(codecs) if codec.modulation == name]
