"""Training steps of the link and of F, beside their matrix products alone; the LDPC decoder."""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.bench.entry import Case, entry
from benchmarks.ldpc_speed import CASES, CODE, ITERATIONS, K, receive, sionna_decoder
from phy.channels.fading import Rician
from phy.coding.ldpc_decoder import NumbaDecoder
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.training.fde import fde_loss, only_fde
from semantic.training.labels import Labels
from semantic.training.link import _link_step
from semantic.training.loop import LinkData, LinkRecipe
from simulator.training.channel import training_channel

BATCH, SLOT, SNR_DB, TRANSMISSIONS = 64, 33, 2.0, 2


@entry("link step")
def link_step() -> Case:
    """One step of a link without F's own: forward, backward, Adam."""
    network, data = _network(), _data()
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], fused=True)

    def work() -> None:
        optimizer.zero_grad(set_to_none=True)
        generator, index = torch.Generator().manual_seed(0), torch.arange(BATCH)
        at = SNR_DB, SLOT, TRANSMISSIONS, generator
        _link_step(network, PROTOCOLS["semharq"], data, LinkRecipe(), index, *at)
        optimizer.step()

    return _step(network, lambda name: not name.startswith("fde."), work, "link")


@entry("F step")
def fde_step() -> Case:
    """One step of F."""
    network, data = _network(), _data()

    def work() -> None:
        network.zero_grad(set_to_none=True)
        with only_fde(network):
            fde_loss(
                network,
                PROTOCOLS["semharq"],
                data.s[:BATCH],
                SNR_DB,
                SLOT,
                TRANSMISSIONS,
                data.channel,
                torch.Generator().manual_seed(0),
                1.0,
            ).backward()

    return _step(network, lambda name: name.startswith("fde."), work, "F")


@entry("LDPC")
def ldpc() -> Case:
    """The compiled decoder and Sionna's, each at a block error rate of about 1 %."""
    rvs, own_db, sionna_db = CASES["rv 0"]
    frames, few = receive(rvs, own_db, 64), receive(rvs, sionna_db, 16)
    decoder, sionna = NumbaDecoder(), sionna_decoder(rvs)

    def reference() -> None:
        for _ in range(len(frames.bits) // len(few.bits)):
            sionna(few)

    return Case(
        work=lambda: decoder(frames.buffer, CODE, ITERATIONS),
        reference=reference,
        measures=f"LDPC decoder, k = {K}, BLER about 1 %",
        against="Sionna's decoder at its own SNR of that BLER",
        amount=float(frames.bits.size),
        unit="bit",
        rounds=3,
    )


def _network() -> LinkNetwork:
    torch.manual_seed(0)
    return LinkNetwork(64).train()


def _data() -> LinkData:
    generator = torch.Generator().manual_seed(0)
    vehicle = torch.arange(BATCH) // 4
    s = torch.rand(BATCH, 1024, generator=generator)
    labels = Labels(vehicle, vehicle % 10, vehicle % 3)
    return LinkData(s, labels, training_channel(Rician(), "cpu"), lambda snr_db: SLOT)


def _step(
    network: LinkNetwork, trained: Callable[[str], bool], work: Callable[[], None], what: str
) -> Case:
    """A training step beside its products: one forward and two backward for every layer."""
    weights = [
        w.detach() for name, w in network.named_parameters() if w.ndim == 2 and trained(name)
    ]
    inputs = [torch.rand(BATCH, weight.shape[1]) for weight in weights]
    outputs = [torch.rand(BATCH, weight.shape[0]) for weight in weights]

    def products() -> None:
        for x, y, weight in zip(inputs, outputs, weights, strict=True):
            x @ weight.T
            y @ weight
            y.T @ x

    return Case(
        work=work,
        reference=products,
        measures=f"training step of {what}, batch {BATCH}, B = {SLOT}",
        against="forward and backward products of the trained layers alone",
        amount=1,
        unit="step",
        operations=float(sum(6 * BATCH * weight.numel() for weight in weights)),
        rounds=12,
    )
