"""Training of the distortion evaluation network F, with all other networks frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from semantic.distortion.gumbel import select_distorted
from semantic.distortion.mine import mine_bound
from semantic.link.buffer import Buffer, SlotFeatures
from semantic.link.network import LinkNetwork
from semantic.link.protocol import Protocol
from semantic.losses import channel_loss
from semantic.tasks import TaskOutputs
from semantic.training.round_trip import TrainingChannel, play


class ReceivedFeatures(NamedTuple):
    """The received features of a batch, from which F learns.

    Attributes:
        network: Link network that holds F.
        s: Encoder outputs, [batch, N].
        buffer: The receiver's buffer after the transmissions.
        z: Latest sent value of each feature, 0 if it was not sent; [batch, L].
        shifts: Shifts of the batch that map each image to an image of another vehicle.
        similarity: F's output [batch, L] for this buffer; None if it has not been computed.
    """

    network: LinkNetwork
    s: Tensor
    buffer: Buffer
    z: Tensor
    shifts: tuple[int, ...]
    similarity: Tensor | None = None


#: The information term that F maximizes; benchmarks/fde_readings.py compares several.
Information = Callable[[ReceivedFeatures], Tensor]


def feature_information(received: ReceivedFeatures) -> Tensor:
    """Returns a bound of the mutual information of received and sent features, in nats.

    The bound is a mean over the features. F is the statistics network of MINE on pairs of a
    received and a sent feature, of the same image (joint) or of different images of the batch
    (marginal); see `FdeNetwork.pair_scores`.
    """
    fde, z = received.network.fde, received.z
    assert fde is not None
    seen = received.network.fde_input(received.buffer)
    z_hat = seen[:, : z.shape[1]]
    here = (z_hat != 0).any(0)
    similarity = fde(seen).similarity if received.similarity is None else received.similarity
    pairs = [z, *(z.roll(k, 0) for k in received.shifts)]
    joint, *others = fde.pair_scores(similarity, z_hat, pairs, here)
    bounds: Tensor = torch.vmap(mine_bound, in_dims=1)(joint, torch.cat(others))
    return bounds.mean()


def vector_information(received: ReceivedFeatures) -> Tensor:
    """Returns a bound of the mutual information of s and s_hat, in nats.

    F is the statistics network of MINE as printed (eq. 5-7). Its input is the product of the two
    vectors, of one image (joint) or of different images of the batch (marginal).
    """
    network = received.network
    assert network.fde is not None
    s_hat, _ = network.decode(received.buffer)
    score, s = network.fde, received.s / network.scale
    marginal = torch.cat([score(s.roll(k, 0) * s_hat).score for k in received.shifts])
    return mine_bound(score(s * s_hat).score, marginal)


def information_of(network: LinkNetwork) -> Information:
    """Returns the information term of a link's reading.

    Raises:
        ValueError: If F also reads the reliabilities, which s and s_hat do not have.
    """
    if network.reading.pairs == "features":
        return feature_information
    if network.detector == "fde-csi":
        raise ValueError(
            "reading pairs=s needs an F that reads one vector, not that of semharq-csi"
        )
    return vector_information


def fde_loss(
    network: LinkNetwork,
    protocol: Protocol,
    s: Tensor,
    snr_db: float,
    B: int,
    transmissions: int,
    channel: TrainingChannel,
    generator: torch.Generator,
    temperature: float,
    images_per_vehicle: int = 4,
    information: Information = feature_information,
    task_loss: Callable[[TaskOutputs], Tensor] | None = None,
) -> Tensor:
    """Returns L_FDE = L_CH + L_MI (SemHARQ eq. 20), with a gradient in F alone.

    With a task loss it is L_E2E = L_FDE + L_T (eq. 23), with a gradient in all networks.

    L_MI is the negative information term. L_CH is the error of s_hat after the features of the
    latest slot that F finds distorted have been retransmitted. Its gradient reaches F through the
    multi-dimensional straight-through Gumbel-softmax (eq. 8-12).

    Args:
        network: Link network that holds F.
        protocol: Protocol of the scheme.
        s: Encoder outputs, [batch, N].
        snr_db: Average SNR in dB.
        B: Features of a slot.
        transmissions: Number of transmissions before the retransmission.
        channel: Channel in the loop.
        generator: Source of randomness.
        temperature: Temperature of the Gumbel-softmax.
        images_per_vehicle: Adjacent images of the batch that show the same vehicle.
        information: Information term that F maximizes.
        task_loss: L_T of the outputs of the tasks; None for L_FDE alone.
    """
    with torch.no_grad() if task_loss is None else nullcontext():
        f = network.encode(s)
        buffer, latest, z = play(network, protocol, f, snr_db, B, transmissions, channel, generator)
        again = latest.gather(network.reading.sent_values(f, protocol))
        matched, weight = channel(again, latest.sent, snr_db, generator)
    # The images of a vehicle are adjacent: a shift by whole vehicles pairs different vehicles.
    shifts = (images_per_vehicle * k % len(s) for k in (1, 3, 5, 7))
    assert network.fde is not None
    similarity = network.fde(network.fde_input(buffer)).similarity
    received = ReceivedFeatures(network, s, buffer, z, tuple(k for k in shifts if k), similarity)
    d = (1.0 - similarity).gather(1, latest.position)
    p = select_distorted(
        d, float(d.detach().median()), temperature, generator=generator, valid=latest.sent
    )
    buffer = buffer.add(SlotFeatures(latest, matched, weight).shared(p))
    if task_loss is None:
        s_hat = network.jsc_decoder(buffer)
        # The mean: next to a squared norm of many features the information, about 1, would not count.
        return channel_loss(s, s_hat, network.scale, "mean") - information(received)
    s_hat, outputs = network.decode(buffer)
    loss = channel_loss(s, s_hat, network.scale, network.reading.channel_loss) + task_loss(outputs)
    return loss - information(received)


@contextmanager
def only_fde(network: LinkNetwork) -> Iterator[None]:
    """Freezes all networks but F, batch statistics included, inside a `with` block."""
    trained = [p for n, p in network.named_parameters() if p.requires_grad and "fde." not in n]
    modules = [m for n, m in network.named_children() if n != "fde" and m.training]
    for parameter in trained:
        parameter.requires_grad_(False)
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
        for module in modules:
            module.train()
