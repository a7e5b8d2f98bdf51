"""Trains the links behind an encoder: with f sent complete, then each scheme by its protocol.

s -> link.complete.safetensors -> SCHEME.safetensors, one for each
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

import torch
from torch import Tensor

from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.network import DEFAULT_READING, LinkNetwork
from semantic.link.protocol import (
    LEARNED,
    PROTOCOLS,
    Detector,
)
from semantic.plus.network import PlusNetwork
from semantic.plus.variants import VARIANTS
from semantic.training.calibration import calibrate_thresholds
from semantic.training.link import train_complete, train_scheme
from semantic.training.loop import LinkData
from semantic.training.plus import fit_latent_quantizer, train_plus
from semantic.training.system import train_first_stage
from semantic.training.vq import train_vq
from semantic.vq.network import VqNetwork
from semantic.weights.files import file_hash, read_weights, round_to_four_bits, write_tensors
from semantic.weights.stored import save_link, save_plus
from semantic.weights.vq import VQ, save_vq
from simulator.training.channel import preset_channel
from simulator.training.code import link_note
from simulator.training.encoder import open_encoder
from simulator.training.other_options import (
    refuse_other_encoder,
    refuse_other_options,
)
from simulator.training.stage import Stage, TrainingImages
from simulator.training.views import encoder_outputs


def link_data(stage: Stage, training_images: TrainingImages) -> tuple[MultiTaskNetwork, LinkData]:
    """Returns the encoder of a directory, and the training data of the links behind it."""
    encoder = open_encoder(stage)
    s, labels = encoder_outputs(stage, encoder, training_images, stage.preset.extra_views)
    return encoder, LinkData(
        s,
        labels,
        preset_channel(stage.preset, stage.device),
        stage.preset.budget,
        link_note(stage.preset),
    )


def train_links(
    stage: Stage, schemes: Sequence[str], encoder: MultiTaskNetwork, data: LinkData
) -> None:
    """Trains the links of built-in schemes that are missing in the directory of a stage."""
    if not schemes:
        return
    complete = complete_link(stage, encoder, data) if {*schemes} - {VQ} else {}
    for name in schemes:
        path = stage.out / f"{name}.safetensors"
        if path.exists():
            refuse_other_options(path, stage.preset)
            refuse_other_encoder(path, stage.out / "encoder.safetensors")
        else:
            _train_scheme(stage, name, complete, encoder, data)


def complete_link(stage: Stage, encoder: MultiTaskNetwork, data: LinkData) -> dict[str, Tensor]:
    """Returns the state of the link trained with f sent complete; every scheme starts from it."""
    path, recipe = stage.out / "link.complete.safetensors", stage.preset.link
    torch.manual_seed(recipe.seed)
    loop = stage.preset.reading.stage2 == "harq"
    link = _fresh(stage, encoder, "fde" if loop else None)
    if path.exists():
        refuse_other_options(path, stage.preset)
        refuse_other_encoder(path, stage.out / "encoder.safetensors")
        state, _ = read_weights(path)
        return state
    report = stage.log("link.complete", recipe.complete_steps)
    checkpoint = stage.out / "link.complete.checkpoint.safetensors"
    (train_first_stage if loop else train_complete)(link, data, recipe, checkpoint, report)
    config = {
        "encoder_sha256": file_hash(stage.out / "encoder.safetensors"),
        "recipe": asdict(recipe),
        "buffer": stage.preset.buffer,
        **stage.preset.changed,
        **stage.note,
    }
    write_tensors(path, link.state_dict(), {"config": json.dumps(config)})
    return link.state_dict()


def _fresh(stage: Stage, encoder: MultiTaskNetwork, detector: Detector | None) -> LinkNetwork:
    """Returns an untrained link with the clean performers: shared, or a copy to train."""
    shared = encoder.performers if stage.preset.share_performers else None
    link = LinkNetwork(
        encoder.performers.identities,
        stage.preset.buffer,
        detector,
        shared,
        reading=stage.preset.reading,
    )
    if shared is None:
        link.performers.load_state_dict(encoder.performers.state_dict())
    return link.to(stage.device)


def _fresh_plus(
    stage: Stage, encoder: MultiTaskNetwork, complete: dict[str, Tensor], scheme: str
) -> PlusNetwork:
    """Returns its networks with those layers of the complete link that have the same shape."""
    shared = encoder.performers if stage.preset.share_performers else None
    network = PlusNetwork(encoder.performers.identities, shared, VARIANTS[scheme].hybrid)
    own = network.state_dict()
    known = {n: v for n, v in complete.items() if n in own and own[n].shape == v.shape}
    network.load_state_dict(own | known)
    return network.to(stage.device)


def _train_scheme(
    stage: Stage,
    scheme: str,
    complete: dict[str, Tensor],
    encoder: MultiTaskNetwork,
    data: LinkData,
) -> None:
    """Trains one scheme with its own protocol, calibrates its thresholds, writes its file."""
    out, recipe = stage.out, stage.preset.link
    config = {
        "encoder_sha256": file_hash(out / "encoder.safetensors"),
        "bandwidth_hz": stage.preset.bandwidth_hz,
        "recipe": asdict(recipe),
        **stage.preset.changed,
        **stage.note,
    }
    path, checkpoint = out / f"{scheme}.safetensors", out / f"{scheme}.checkpoint.safetensors"
    torch.manual_seed(recipe.seed)
    if scheme == VQ:
        vq = VqNetwork(encoder.performers).to(stage.device)
        train_vq(vq, data.s, data.labels, recipe.seed, stage.log(VQ, len(vq.stage_bits)))
        # Nothing but the seed and the encoder matters: it is not trained for a channel or a slot.
        about = {"encoder_sha256": config["encoder_sha256"], "recipe": {"seed": recipe.seed}}
        save_vq(path, vq, about | dict(stage.note))
        return
    if scheme in VARIANTS:
        report = stage.log(scheme, recipe.complete_steps + recipe.selected_steps)
        plus = _fresh_plus(stage, encoder, complete, scheme)
        # It is not of the papers: its belief is exact for the gains that no reading hides.
        own = replace(stage.preset, reading=DEFAULT_READING)
        data = replace(data, channel=preset_channel(own, stage.device))
        train_plus(plus, data, recipe, checkpoint, report, scheme)
        round_to_four_bits(plus)
        if plus.quantizer is not None:
            fit_latent_quantizer(plus, data.s, recipe.seed)
        save_plus(path, plus, config)
        return
    protocol = PROTOCOLS[scheme]
    if not stage.preset.reading.retrains(LEARNED[scheme]):
        recipe = replace(recipe, selected_steps=0)
    link = _fresh(stage, encoder, protocol.detector)
    fresh = link.state_dict()
    known = {n: v for n, v in complete.items() if n in fresh and fresh[n].shape == v.shape}
    link.load_state_dict(fresh | known)
    report = stage.log(scheme, recipe.steps(link.fde is not None))
    train_scheme(link, protocol, data, recipe, checkpoint, report)
    round_to_four_bits(link)  # thresholds belong to the rounded weights
    if protocol.retransmit == "distorted":
        calibrate_thresholds(link, protocol, data.s, data.channel, data.budget)
    save_link(path, link, config)
