"""`simulate train`: trains the networks with the simulator's channel in the loop.

images -> encoder (clean) -> s, once -> link with f complete -> each scheme's protocol -> weights
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from semantic.data.joined import join
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.network import DEFAULT_READING, LinkNetwork
from semantic.link.protocol import (
    CONTROLS,
    LEARNED,
    PROTOCOLS,
    SINGLE_TASK,
    SINGLE_TASK_PROTOCOL,
    Detector,
    single_task_directory,
)
from semantic.losses import TASKS
from semantic.plus.network import PlusNetwork
from semantic.plus.variants import VARIANTS
from semantic.suggest import nearest
from semantic.training.calibration import calibrate_thresholds
from semantic.training.link import train_complete, train_scheme
from semantic.training.loop import LinkData
from semantic.training.plus import fit_latent_quantizer, train_plus
from semantic.training.vq import train_vq
from semantic.vq.network import VqNetwork
from semantic.weights.files import file_hash, read_weights, round_to_four_bits, write_tensors
from semantic.weights.stored import save_link, save_plus
from semantic.weights.vq import VQ, save_vq
from simulator.setup.prepare import choose_device
from simulator.training.channel import preset_channel
from simulator.training.data import open_training_images, refuse_few_vehicles
from simulator.training.encoder import (
    Stage,
    TrainingImages,
    encoder_outputs,
    join_processes,
    open_encoder,
    read_training_images,
    take_encoder,
    train_clean,
    validator,
)
from simulator.training.encoder_options import encoder_recipe
from simulator.training.link_options import NO_LINK_OPTIONS, LinkOptions, adapted
from simulator.training.other_options import refuse_other_options, refuse_other_vehicles
from simulator.training.own_scheme import OWN_LOSS, OwnTraining, is_own, train_own_scheme
from simulator.training.presets import Preset, presets


def stages(
    out: Path,
    preset: Preset,
    schemes: Sequence[str],
    tasks: Sequence[str],
    device: str,
    show: Callable[[str], None],
    bar: Callable[[str, int, int], None],
) -> list[Stage]:
    """Returns the stages of training: one encoder for all tasks, and one per task with smsc-stc.

    Raises:
        ValueError: For a scheme without weights, or an unknown task.
    """
    known = [*PROTOCOLS, *VARIANTS, VQ, SINGLE_TASK, *OWN_LOSS]
    if not schemes:
        raise ValueError(f"no scheme was given; {nearest('', known)}")
    for name in schemes:
        if name in CONTROLS:
            raise ValueError(
                f"scheme {name!r} uses the weights of {CONTROLS[name].weights!r}: train that"
            )
        if name not in known and not is_own(name):
            raise ValueError(f"scheme {name!r} is not trained; {nearest(name, known)}")
    joint = tuple(name for name in schemes if name != SINGLE_TASK)
    found = [Stage(out, preset.only(tasks), joint, device, show, bar)] if joint else []
    if SINGLE_TASK in schemes:
        single = (SINGLE_TASK_PROTOCOL,)
        found += [
            Stage(out / single_task_directory(task), preset.only([task]), single, device, show, bar)
            for task in tasks
        ]
    return found


def train_from_options(
    preset: str,
    scheme: str,
    data_spec: str,
    out: Path,
    imagenet: str | None,
    backbone: str,
    snr_db: float | None,
    tasks: str | None,
    buffer: str | None,
    link_steps: int | None,
    validation: str | None,
    seed: int,
    device: str,
    show: Callable[[str], None],
    bar: Callable[[str, int, int], None],
    extra_data: str | None = None,
    encoder: Path | None = None,
    own: OwnTraining | None = None,
    link_options: LinkOptions = NO_LINK_OPTIONS,
    **encoder_options: Any,
) -> None:
    """Trains the weights that are missing in `out`.

    ```
    encoder.safetensors -> s -> link.complete.safetensors -> <scheme>.safetensors, one for each
                             -> the networks of a user's scheme
    ```

    Under torchrun all processes train the encoder; the first one trains the rest, which takes minutes.

    Raises:
        ValueError: For a scheme without weights, wrong options, data or weights, or test images
            among the data.
    """
    images = open_training_images(data_spec, show)
    chosen = presets(len(images))[preset]
    chosen = adapted(chosen, seed, backbone, snr_db, buffer, link_steps, link_options)
    device, first = join_processes(choose_device(device))
    recipe = encoder_recipe(chosen.encoder, device, extra_data is not None, **encoder_options)
    chosen = replace(chosen, encoder=recipe)
    first_images = len(images)
    if extra_data is not None:
        images = join(images, open_training_images(extra_data, show, data_spec))
    single = TASKS if tasks is None else _listed(tasks)
    wanted = stages(out, chosen, _listed(scheme), single, device, show, bar)
    if all(map(is_own, _listed(scheme))) and (buffer is not None or link_options.reading):
        raise ValueError("--buffer and --reading are for built-in schemes")
    refuse_few_vehicles(images, first_images, chosen)
    stored = max(chosen.image_size, 128) if preset == "synthetic" else chosen.image_size
    training_images = read_training_images(images, stored, show, first_images)
    for stage in wanted:
        stage.out.mkdir(parents=True, exist_ok=True)
        path = stage.out / "encoder.safetensors"
        if encoder is not None:
            take_encoder(encoder, stage)
            if not all(map(is_own, stage.schemes)):
                refuse_other_vehicles(path, training_images.images.images_hash())
            continue
        if path.exists():
            refuse_other_options(path, stage.preset, training_images.images.images_hash())
            continue
        validate = None if validation is None else validator(validation, chosen, device, show)
        train_clean(stage, training_images, first, imagenet, validate)
    for stage in wanted if first else ():
        network, data = link_data(stage, training_images)
        theirs = [name for name in stage.schemes if is_own(name)]
        _train_links(stage, [name for name in stage.schemes if name not in theirs], network, data)
        for name in theirs:
            train_own_scheme(stage, name, own or OwnTraining(), data)
        show(f"{stage.out}: {', '.join(['encoder', *stage.schemes])}")
    if first:
        show(f"use it as --weights {out}")


def link_data(stage: Stage, training_images: TrainingImages) -> tuple[MultiTaskNetwork, LinkData]:
    """Returns the encoder of a directory, and the training data of the links behind it."""
    encoder = open_encoder(stage.out / "encoder.safetensors", stage.device)
    s, labels = encoder_outputs(stage, encoder, training_images)
    return encoder, LinkData(
        s, labels, preset_channel(stage.preset, stage.device), stage.preset.budget
    )


def _train_links(
    stage: Stage, schemes: Sequence[str], encoder: MultiTaskNetwork, data: LinkData
) -> None:
    """Trains the links of built-in schemes that are missing."""
    if not schemes:
        return
    complete = _complete(stage, encoder, data) if {*schemes} - {VQ} else {}
    for name in schemes:
        path = stage.out / f"{name}.safetensors"
        if path.exists():
            refuse_other_options(path, stage.preset)
        else:
            _train_scheme(stage, name, complete, encoder, data)


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def _complete(stage: Stage, encoder: MultiTaskNetwork, data: LinkData) -> dict[str, Tensor]:
    """Returns the state of the link trained with f sent complete; every scheme starts from it."""
    path, recipe = stage.out / "link.complete.safetensors", stage.preset.link
    torch.manual_seed(recipe.seed)
    link = _fresh(stage, encoder, None)
    if path.exists():
        refuse_other_options(path, stage.preset)
        state, _ = read_weights(path)
        return state
    report = stage.log("link.complete", recipe.complete_steps)
    checkpoint = stage.out / "link.complete.checkpoint.safetensors"
    train_complete(link, data, recipe, checkpoint, report)
    config = {"recipe": asdict(recipe), "buffer": stage.preset.buffer, **stage.preset.changed}
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
    }
    path, checkpoint = out / f"{scheme}.safetensors", out / f"{scheme}.checkpoint.safetensors"
    torch.manual_seed(recipe.seed)
    if scheme == VQ:
        vq = VqNetwork(encoder.performers).to(stage.device)
        train_vq(vq, data.s, data.labels, recipe.seed, stage.log(VQ, len(vq.stage_bits)))
        # Nothing but the seed and the encoder matters: it is not trained for a channel or a slot.
        about = {"encoder_sha256": config["encoder_sha256"], "recipe": {"seed": recipe.seed}}
        save_vq(path, vq, about)
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
    link.load_state_dict(link.state_dict() | complete)
    report = stage.log(scheme, recipe.steps(link.fde is not None))
    train_scheme(link, protocol, data, recipe, checkpoint, report)
    round_to_four_bits(link)  # thresholds belong to the rounded weights
    if protocol.retransmit == "distorted":
        calibrate_thresholds(link, protocol, data.s, data.channel, data.budget)
    save_link(path, link, config)
