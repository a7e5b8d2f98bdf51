"""Bursts that are mapped and demapped together equal those that are alone, bit for bit."""

import torch

from phy.channel import Received
from phy.coding.code_block_groups import sent_bits
from phy.coding.transport import TransportCodec
from phy.modulation import Modulation
from simulator.schemes import coded_bursts
from simulator.schemes.coded_bursts import demap_bursts, map_bursts

CODECS = [
    TransportCodec(payload_bits=bits, modulation=name)
    for bits, name in (
        (100, "qpsk"), (9000, "64qam"), (2001, "qpsk"), (8000, "16qam"), (333, "bpsk"),
        (20_000, "16qam"), (17_000, "16qam"), (40, "16qam"),
    )
]  # fmt: skip


def sent() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randint(2, (codec.coded_bits,), generator=generator, dtype=torch.uint8)
        for codec in CODECS
    ]


def test_each_burst_is_mapped_as_if_alone() -> None:
    bits = sent()
    x, uses = map_bursts(CODECS, bits)
    assert uses.tolist() == [codec.uses for codec in CODECS]
    for row, codec, own in zip(x, CODECS, bits, strict=True):
        alone = Modulation(codec.modulation).map(own[None])[0]
        assert torch.equal(row[: codec.uses], alone)
        assert not row[codec.uses :].any()


def test_each_burst_is_demapped_as_if_alone() -> None:
    x, _ = map_bursts(CODECS, sent())
    generator = torch.Generator().manual_seed(1)
    h, noise = (torch.randn(x.shape, dtype=x.dtype, generator=generator) for _ in range(2))
    no = 0.05 + torch.rand(x.shape, generator=generator)
    groups = torch.ones(len(CODECS), 2, dtype=torch.bool)
    groups[5:7, 0] = False
    received = Received(h * x + 0.3 * noise, h, no)
    for at_once in (1, coded_bursts.AT_ONCE):  # one image at a time, and many
        coded_bursts.AT_ONCE, before = at_once, coded_bursts.AT_ONCE
        found = demap_bursts(CODECS, groups, received)
        coded_bursts.AT_ONCE = before
        for i, codec in enumerate(CODECS):
            here = sent_bits(codec, groups[i])
            uses = int(here.sum()) // Modulation(codec.modulation).bits_per_symbol
            row = (value[i : i + 1, :uses].clone() for value in received)
            alone = torch.zeros(1, codec.coded_bits)
            alone[:, here] = Modulation(codec.modulation).demap(*row)
            assert torch.equal(found[i], alone)
