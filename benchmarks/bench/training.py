"""Training steps of encoder, link and F, each beside its unavoidable part."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import torch

from benchmarks.bench.entry import Case, entry
from benchmarks.bench.parts import DENSENET_FLOPS
from phy.channels.fading import Rician
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS
from semantic.training.encoder import EncoderRecipe, _update
from semantic.training.fde import fde_loss, only_fde
from semantic.training.labels import Labels
from semantic.training.link import _link_step
from semantic.training.loop import LinkData, LinkRecipe, clip_gradients
from semantic.training.products import onednn_products, product
from semantic.weights.precision import packs_products
from simulator.training.channel import training_channel

SLOT, SNR_DB, TRANSMISSIONS = 33, 2.0, 2


@entry("encoder step")
def encoder_step(small: bool) -> Case:
    """One step of the encoder, and one of DenseNet-121 without tasks."""
    images, size = (4, 32) if small else (32, 64)
    torch.manual_seed(0)
    model = MultiTaskNetwork(64)
    model.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    bare = model.encoder
    x = torch.rand(images, 3, size, size).contiguous(memory_format=torch.channels_last)
    target, recipe = _labels(images), EncoderRecipe()
    optimizer = torch.optim.AdamW(model.parameters())
    alone = torch.optim.AdamW(bare.parameters())

    def reference() -> None:
        alone.zero_grad(set_to_none=True)
        bare(x).square().mean().backward()
        alone.step()

    return Case(
        work=lambda: _update(model, optimizer, x, target, recipe, 1e-4, 1),
        reference=reference,
        measures=f"training step of the encoder, batch {images}, {size} x {size} pixels",
        against="step of DenseNet-121 alone, of the mean square of its output",
        amount=1,
        unit="step",
        operations=3.0 * images * DENSENET_FLOPS * (size / 224) ** 2,
        rounds=3,
    )


@entry("link step")
def link_step(small: bool) -> Case:
    """One step of a link without F's own: forward, backward, Adam."""
    batch = 8 if small else 64
    network, data = _network(), _data(batch)
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], fused=True)

    products = _entered(network)

    def work(held: ExitStack = products) -> None:
        optimizer.zero_grad(set_to_none=True)
        generator, index = torch.Generator().manual_seed(0), torch.arange(batch)
        at = SNR_DB, SLOT, TRANSMISSIONS, generator
        _link_step(network, PROTOCOLS["semharq"], data, LinkRecipe(), index, *at)
        optimizer.step()

    return _step(network, lambda name: not name.startswith("fde."), work, "link", batch)


@entry("F step")
def fde_step(small: bool) -> Case:
    """One step of F: forward, backward, Adam."""
    batch = 8 if small else 64
    network, data = _network(), _data(batch)
    assert network.fde is not None
    parameters = [*network.fde.parameters()]
    optimizer = torch.optim.Adam(parameters, fused=True)

    products = _entered(network)

    def work(held: ExitStack = products) -> None:
        optimizer.zero_grad(set_to_none=True)
        generator = torch.Generator().manual_seed(0)
        at = SNR_DB, SLOT, TRANSMISSIONS, data.channel, generator, 1.0
        with only_fde(network):
            fde_loss(network, PROTOCOLS["semharq"], data.s, *at).backward()
        clip_gradients(parameters)
        optimizer.step()

    return _step(network, lambda name: name.startswith("fde."), work, "F", batch)


def _network() -> LinkNetwork:
    torch.manual_seed(0)
    return LinkNetwork(64).train()


def _entered(network: LinkNetwork) -> ExitStack:
    """Enters the products of a training, once for all steps, as a training does."""
    stack = ExitStack()
    stack.enter_context(onednn_products(network))
    return stack


def _labels(images: int) -> Labels:
    vehicle = torch.arange(images) // 4
    return Labels(vehicle, vehicle % 10, vehicle % 3)


def _data(images: int) -> LinkData:
    s = torch.rand(images, 1024, generator=torch.Generator().manual_seed(0))
    channel = training_channel(Rician(), "cpu")
    return LinkData(s, _labels(images), channel, lambda snr_db: SLOT)


def _step(
    network: LinkNetwork,
    trained: Callable[[str], bool],
    work: Callable[[], None],
    what: str,
    batch: int,
) -> Case:
    """A training step beside its products: one forward and two backward for every layer."""
    weights = [
        w.detach() for name, w in network.named_parameters() if w.ndim == 2 and trained(name)
    ]
    inputs = [torch.rand(batch, weight.shape[1]) for weight in weights]
    outputs = [torch.rand(batch, weight.shape[0]) for weight in weights]

    def multiply(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return product(x, y) if packs_products() else x @ y.t()

    @torch.inference_mode()
    def products() -> None:
        for x, y, weight in zip(inputs, outputs, weights, strict=True):
            multiply(x, weight)
            multiply(y, weight.t())
            multiply(y.t(), x.t())

    return Case(
        work=work,
        reference=products,
        measures=f"training step of {what}, batch {batch}, B = {SLOT}",
        against="forward and backward products of the trained layers alone",
        amount=1,
        unit="step",
        operations=float(sum(6 * batch * weight.numel() for weight in weights)),
        rounds=12,
    )
