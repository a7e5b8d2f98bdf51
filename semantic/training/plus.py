"""Training of semharq-plus, with and without fed-back estimates.

s -> c -> [innovation -> channel -> belief -> feedback] x bursts -> s_hat -> tasks -> L_T + L_CH
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from semantic.plus.belief import Belief, apply_feedback, innovation
from semantic.plus.hybrid import BLOCKS, STAGE_BITS
from semantic.plus.network import PlusNetwork
from semantic.plus.schedule import burst_plan, burst_sizes
from semantic.plus.variants import PLUS, VARIANTS, Order
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from semantic.training.loop import (
    LinkData,
    LinkRecipe,
    Report,
    draw_slot_size,
    draw_snr,
    keep_statistics,
    link_gradients,
    train_loop,
)
from semantic.training.products import onednn_products
from semantic.training.round_trip import TrainingChannel
from semantic.training.vq import ROWS, k_means, refined
from semantic.vq.residual import Beam


def plus_round_trip(
    network: PlusNetwork,
    s: Tensor,
    snr_db: float,
    B: int,
    slots: int,
    bits: int,
    bursts: int,
    channel: TrainingChannel,
    generator: torch.Generator,
    order: Order = "planned",
) -> tuple[Tensor, TaskOutputs]:
    """Returns s_hat and the outputs of the tasks after a number of slots.

    Args:
        network: Network of semharq-plus.
        s: Encoder outputs, [batch, N].
        snr_db: Average SNR in dB.
        B: Uses of a slot.
        slots: Number of slots.
        bits: Bits of each fed-back estimate; 0 for none.
        bursts: Number of bursts in a slot.
        channel: Channel in the loop.
        generator: Source of randomness.
        order: Rule for the features of a burst.
    """
    c, belief = network.encode(s), Belief.empty(len(s), s.device)
    sizes = burst_sizes(B, bursts) * slots
    for count in range(1, len(sizes) + 1):
        plan = burst_plan(10 ** (snr_db / 10), sizes[:count], bits, order)
        part = innovation(c, belief.fed_back_estimate, plan)
        matched, weight = channel(part, torch.ones_like(part, dtype=torch.bool), snr_db, generator)
        belief = belief.add(plan, matched, weight)
        if bits:
            feedback_bits = belief.feedback_bits(plan, bits)
            estimate = apply_feedback(belief.fed_back_estimate, plan, feedback_bits, bits)
            belief = belief.with_fed_back_estimate(estimate)
    return network.decode(belief)


def train_plus(
    network: PlusNetwork,
    data: LinkData,
    recipe: LinkRecipe,
    checkpoint: Path,
    report: Report,
    name: str = PLUS,
) -> PlusNetwork:
    """Trains a scheme of the family in as many steps as the two stages of another scheme together.

    Where a scheme has several kinds of feedback, they alternate from step to step: one network
    serves all of them.

    Args:
        network: New network, with its scale set.
        data: Training data.
        recipe: Settings of the training.
        checkpoint: Checkpoint file; if it exists, training resumes from it.
        report: Called after each step with the loss terms.
        name: Name of the scheme.

    Returns:
        The same network, in evaluation mode.
    """
    variant = VARIANTS[name]
    total = recipe.complete_steps + recipe.selected_steps

    def step(index: Tensor, generator: torch.Generator, number: int) -> dict[str, float]:
        if number >= recipe.fixed_statistics * total:
            keep_statistics(network)
        snr_db = draw_snr(recipe, generator)
        free, size, count = torch.rand(3, generator=generator).tolist()
        B = draw_slot_size(recipe, data.budget, snr_db, free, size)
        slots = 1 + int(count * recipe.max_transmissions)
        if variant.one_burst:
            B, slots = B * slots, 1
        found = plus_round_trip(
            network,
            data.s[index],
            snr_db,
            B,
            slots,
            *variant.feedback[number % len(variant.feedback)],
            data.channel,
            generator,
            variant.order,
        )
        return link_gradients(network, data, recipe, index, found)

    what = "plus" if name == PLUS else name
    with onednn_products(network):
        train_loop(network, recipe, what, data, (total,), step, checkpoint, report)
    return network.eval()


@torch.inference_mode()
def fit_latent_quantizer(network: PlusNetwork, s: Tensor, seed: int) -> None:
    """Fits the quantizer of a trained network to its latent features of the training images.

    Args:
        network: Network of plus-hybrid, in evaluation mode.
        s: Encoder outputs, [images, N].
        seed: Seed of the first centers of k-means.
    """
    quantizer = network.quantizer
    assert quantizer is not None
    generator = torch.Generator().manual_seed(seed)
    c = in_tiles(network.encode, s, tile=ROWS)
    # The variances that blocks leave are those of other images: codewords fit their own too well.
    fitted, judged = c.tensor_split([max(len(c) * 4 // 5, 1)])
    beam, words = Beam.start(fitted * quantizer.roots), list[Tensor]()
    for bits in STAGE_BITS:
        words.append(k_means(beam.residual[:, 0], 2**bits, generator))
        beam = Beam(*in_tiles(partial(refined, words[-1]), beam.residual, beam.index, tile=ROWS))
    quantizer.codewords.copy_(torch.cat(words).flatten())
    counts = [
        torch.bincount(column, minlength=2**bits)
        for column, bits in zip(beam.index[:, 0].unbind(1), STAGE_BITS, strict=True)
    ]
    quantizer.log_prior.copy_(((torch.cat(counts) + 1.0) / len(fitted)).log())
    index = in_tiles(quantizer.quantize, judged, tile=ROWS)
    left = [
        (judged - quantizer.codeword(index, 2 * blocks)).square().mean(0)
        for blocks in range(len(BLOCKS) + 1)
    ]
    quantizer.left.copy_(torch.cat(left).clamp_min(1e-4))
