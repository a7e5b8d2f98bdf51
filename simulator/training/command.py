"""`simulate train`: trains the networks with the simulator's channel in the loop.

images -> encoder (clean) -> s, once -> link with f complete -> each scheme's protocol -> weights
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from semantic.data.joined import join
from semantic.encoder.timm import DENSENET, build_backbone
from semantic.link.protocol import (
    CONTROLS,
    PROTOCOLS,
    SINGLE_TASK,
    SINGLE_TASK_PROTOCOL,
    single_task_directory,
)
from semantic.losses import TASKS
from semantic.plus.variants import VARIANTS
from semantic.suggest import nearest
from semantic.weights.deepjscc import DEEPJSCC
from semantic.weights.stored import weights_path
from semantic.weights.vq import VQ
from simulator.setup.prepare import choose_device
from simulator.training.backbone import code_of_backbone
from simulator.training.data import open_training_images, refuse_few_vehicles
from simulator.training.encoder import (
    join_processes,
    read_training_images,
    train_clean,
    validator,
)
from simulator.training.encoder_options import encoder_recipe
from simulator.training.given_encoder import take_encoder
from simulator.training.images import of_pixels, train_on_images
from simulator.training.joint import train_joint
from simulator.training.link_options import NO_LINK_OPTIONS, LinkOptions, adapted
from simulator.training.links import link_data, train_links
from simulator.training.other_options import (
    refuse_other_code,
    refuse_other_options,
)
from simulator.training.own_scheme import OWN_LOSS, OwnTraining, is_own, train_own_scheme
from simulator.training.presets import Preset, presets
from simulator.training.stage import Stage, TrainingImages


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
    known = [*PROTOCOLS, *VARIANTS, VQ, DEEPJSCC, SINGLE_TASK, *OWN_LOSS]
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
    if backbone != DENSENET:
        build_backbone(backbone)  # mistakes are found before any work
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
    new = encoder is None or chosen.reading.encoder == "joint"
    refuse_few_vehicles(images, first_images, chosen, new, new or not _alone(_listed(scheme)))
    augmented = preset == "synthetic" and not (encoder is not None and of_pixels(_listed(scheme)))
    stored = max(chosen.image_size, 128) if augmented else chosen.image_size
    training_images = read_training_images(images, stored, out, show, first_images)
    for stage in wanted:
        stage.out.mkdir(parents=True, exist_ok=True)
        path = stage.out / "encoder.safetensors"
        if encoder is not None:
            given = weights_path(str(encoder), "encoder")
            refuse_other_code(given, code_of_backbone(stage.preset))
            if first:
                take_encoder(encoder, stage, None if _alone(stage.schemes) else training_images)
            continue
        if path.exists():
            refuse_other_options(path, stage.preset, training_images.images.images_hash())
            refuse_other_code(path, code_of_backbone(stage.preset))
            continue
        validate = None if validation is None else validator(validation, chosen, device, show)
        train_clean(stage, training_images, first, imagenet, validate)
    for stage in wanted if first else ():
        if stage.preset.reading.encoder == "joint":
            train_joint(stage, training_images)
            continue
        if not of_pixels(stage.schemes):
            _train_behind(stage, training_images, own or OwnTraining())
        if DEEPJSCC in stage.schemes:
            train_on_images(stage, training_images, dict((own or OwnTraining()).scheme_args))
        show(f"{stage.out}: {', '.join(['encoder', *stage.schemes])}")
    if first:
        show(f"use it as --weights {out}")


def _train_behind(stage: Stage, training_images: TrainingImages, own: OwnTraining) -> None:
    """Trains the schemes behind the encoder that are missing, built-in ones and users' own."""
    network, data = link_data(stage, training_images)
    theirs = [name for name in stage.schemes if is_own(name)]
    links = [name for name in stage.schemes if name not in (*theirs, DEEPJSCC)]
    train_links(stage, links, network, data)
    for name in theirs:
        train_own_scheme(stage, name, own, data)


def _alone(schemes: Sequence[str]) -> bool:
    """Returns whether no scheme compares the training vehicles, which the performers must know."""
    return all(is_own(name) or name == DEEPJSCC for name in schemes)


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]
