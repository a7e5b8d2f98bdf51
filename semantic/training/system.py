"""Training of the whole system as the papers print it: with the encoder, and with the HARQ loop.

    images -> encoder -> s -> f -> [select -> z -> channel -> buffer -> F] x G -> s_hat -> L_E2E

`semantic.training.link` trains the link on s of a frozen encoder, and its first stage sends f in one
slot. The two options of a reading that change this are trained here: `encoder=joint` and
`stage2=harq`. F is trained in the same steps as the link, without steps of its own.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from semantic.conventions import CODED_FEATURES
from semantic.distortion.gumbel import annealed_temperature
from semantic.encoder.densenet import normalize
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.network import LinkNetwork
from semantic.link.protocol import Protocol
from semantic.training.encoder import step_seed
from semantic.training.fde import fde_loss, information_of, only_fde
from semantic.training.labels import Labels
from semantic.training.link import (
    COMPLETE,
    _draw_slot,
    _link_step,
    measure_order,
    scale_of,
)
from semantic.training.loop import (
    LinkData,
    LinkRecipe,
    Report,
    clip_all_but_fde,
    draw_snr,
    keep_statistics,
    task_loss,
    train_loop,
)

#: Protocol of the first stage with the HARQ loop: all of f, then what F finds distorted.
COMPLETE_HARQ = Protocol(retransmit="distorted", detector="fde")
#: Images that the encoder computes at once when nothing is trained.
TILE = 64


class System(nn.Module):
    """The encoder and the link behind it, whose parameters are trained together.

    Args:
        clean: The encoder, whose performers the link may share.
        link: The link.
        edge: Edge in pixels of the images of the encoder.
    """

    def __init__(self, clean: MultiTaskNetwork, link: LinkNetwork, edge: int) -> None:
        super().__init__()
        self.encoder, self.link, self.edge = clean.encoder, link, edge

    def forward(self, pixels: Tensor) -> Tensor:
        """Returns s [batch, N] of uint8 images [batch, h, w, 3]."""
        x = normalize(pixels)
        if x.shape[-1] != self.edge:
            size = (self.edge, self.edge)
            x = functional.interpolate(x, size, mode="bilinear", antialias=True)
        s: Tensor = self.encoder(x)
        return s

    @torch.no_grad()
    def outputs(self, pixels: Tensor, device: str) -> Tensor:
        """Returns s [images, N] of all images, in evaluation mode."""
        trained = self.training
        self.eval()
        s = torch.cat([self(tile.to(device)) for tile in pixels.split(TILE)])
        self.train(trained)
        return s


def first_stage(network: LinkNetwork) -> Protocol:
    """Returns the protocol of the first stage by the network's reading."""
    return COMPLETE_HARQ if network.reading.stage2 == "harq" else COMPLETE


def train_first_stage(
    network: LinkNetwork,
    data: LinkData,
    recipe: LinkRecipe,
    checkpoint: Path,
    report: Report,
    system: System | None = None,
    pixels: Tensor | None = None,
) -> LinkNetwork:
    """Trains a link with all of f sent, then measures the importance of each feature.

    Args:
        network: New network; with F if its reading has the HARQ loop in this stage.
        data: Training data; s is that of the encoder before the training.
        recipe: Settings of the training.
        checkpoint: Checkpoint file; if it exists, training resumes from it.
        report: Called after each step with the loss terms.
        system: The encoder and the network, if both are trained.
        pixels: Images of the rows of the data, uint8 [images, h, w, 3], for a system.

    Returns:
        The same network, with scale and order set.
    """
    network.scale.copy_(scale_of(data.s))
    protocol = first_stage(network)
    train_system(network, protocol, data, recipe, True, checkpoint, report, system, pixels)
    if system is not None and pixels is not None:
        data = replace(data, s=system.outputs(pixels, str(network.order.device)))
    measure_order(network, data, recipe)
    return network.eval()


def train_system(
    network: LinkNetwork,
    protocol: Protocol,
    data: LinkData,
    recipe: LinkRecipe,
    complete: bool,
    checkpoint: Path,
    report: Report,
    system: System | None = None,
    pixels: Tensor | None = None,
) -> None:
    """Trains a link, and its encoder if a system is given, by a protocol.

    Args:
        network: The link.
        protocol: Protocol of the scheme.
        data: Training data.
        recipe: Settings of the training.
        complete: Whether all of f is sent (the first stage).
        checkpoint: Checkpoint file; if it exists, training resumes from it.
        report: Called after each step with the loss terms.
        system: The encoder and the network, if both are trained.
        pixels: Images of the rows of the data, for a system.
    """
    total = recipe.complete_steps if complete else recipe.selected_steps

    def step(index: Tensor, generator: torch.Generator, number: int) -> dict[str, float]:
        snr_db = draw_snr(recipe, generator)
        B, transmissions = _draw_slot(protocol, recipe, data.budget, snr_db, generator)
        if not complete and number >= recipe.fixed_statistics * total:
            keep_statistics(network)
        at = (snr_db, CODED_FEATURES if complete else B, transmissions)
        mirrored = bool(step_seed(recipe.seed, 9, number) % 2)

        def encode() -> Tensor:
            if system is None or pixels is None:
                return data.s[index]
            batch = pixels[index].to(data.labels.vehicle.device)
            found: Tensor = system(batch.flip(2) if mirrored else batch)
            return found

        s = encode()
        local = _batch_of(data, s, index)
        rows = torch.arange(len(index), device=s.device)
        terms = _link_step(network, protocol, local, recipe, rows, *at, generator)
        if network.fde is not None:
            printed = network.reading.losses == "printed"
            s = encode() if printed else s.detach()
            local, temperature = _batch_of(data, s, index), annealed_temperature(number / total)
            terms["fde"] = _fde_step(network, protocol, local, recipe, at, temperature, generator)
        if system is not None:
            nn.utils.clip_grad_norm_(system.encoder.parameters(), 5.0)
        return terms

    what = "system complete" if complete else "system scheme"
    trained = network if system is None else system
    note = {**network.settings, "protocol": asdict(protocol)}
    train_loop(trained, recipe, what, data, (total,), step, checkpoint, report, note, 100)
    trained.eval()


def _batch_of(data: LinkData, s: Tensor, index: Tensor) -> LinkData:
    """Returns the training data of one batch alone, with its s [batch, N]."""
    return replace(data, s=s, labels=Labels(*(column[index] for column in data.labels.columns)))


def _fde_step(
    network: LinkNetwork,
    protocol: Protocol,
    batch: LinkData,
    recipe: LinkRecipe,
    at: tuple[float, int, int],
    temperature: float,
    generator: torch.Generator,
) -> float:
    """Computes the gradients of F's step, of all networks with losses=printed; returns the loss."""
    snr_db, B, transmissions = at
    printed = network.reading.losses == "printed"
    rows = torch.arange(len(batch.s), device=batch.s.device)
    with nullcontext() if printed else only_fde(network):
        loss = fde_loss(
            network,
            protocol,
            batch.s,
            snr_db,
            min(B, recipe.fde_features),
            transmissions,
            batch.channel,
            generator,
            temperature,
            recipe.images_per_vehicle,
            information_of(network),
            partial(task_loss, batch, recipe, rows) if printed else None,
        )
        loss.backward()
    assert network.fde is not None
    nn.utils.clip_grad_norm_(network.fde.parameters(), 5.0)
    if printed:
        clip_all_but_fde(network)
    return float(loss.detach())
