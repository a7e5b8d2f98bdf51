"""Refuses to take up weights that were trained with other options or images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path

from semantic.weights.files import file_hash, read_weights
from simulator.training.presets import Preset

#: Settings of a recipe -> the option that sets them. The precision is not among them, because "auto"
#: means another one on another machine. Those of a link that no option sets, a plan sets.
RECIPE_OPTIONS = {
    "task_weights": "tasks",
    "snr_db": "snr-db",
    "buffer": "buffer",
    "selected_steps": "link-steps",
    "seed": "seed",
    "phases": "encoder-steps",
    "vehicles_per_batch": "batch-size",
    "extra_vehicles": "extra-vehicles",
    "augmentation": "augmentation",
    "backbone": "backbone",
}
#: Settings of a link that its first stage does not depend on, and those that matter to it only where
#: it already retransmits.
OF_SCHEMES = ("selected_steps", "fde_steps", "fixed_statistics")
OF_HARQ = ("fde_features", "max_transmissions")


def refuse_other_options(path: Path, preset: Preset, images: str | None = None) -> None:
    """Checks that existing weights were trained with the present options.

    Args:
        path: Existing weights.
        preset: The present options.
        images: Hash of the present training images; None to compare options alone.

    Raises:
        ValueError: If an option of `RECIPE_OPTIONS`, the reading, the channel or the images were others.
    """
    _, config = read_weights(path)
    recipe = config.get("recipe", {})
    now = preset.encoder if path.name == "encoder.safetensors" else preset.link
    wanted = json.loads(json.dumps({**asdict(now), "buffer": preset.buffer}))
    made = {**recipe, **{key: config[key] for key in ("buffer",) if key in config}}
    options = {name: f"--{option}" for name, option in RECIPE_OPTIONS.items()}
    if now is preset.link:
        options |= {one.name: one.name for one in fields(now) if one.name not in RECIPE_OPTIONS}
    if path.name == "link.complete.safetensors":  # trained before the schemes
        without = OF_SCHEMES + (() if preset.reading.stage2 == "harq" else OF_HARQ)
        options = {key: option for key, option in options.items() if key not in without}
    if now is preset.link and preset.link.seed != preset.encoder.seed:
        options["seed"] = "--link-seed"
    for key, option in options.items():
        if key in made and made[key] != wanted.get(key):
            raise ValueError(f"{path} was trained with another {option}: give another --out")
    changed = preset.changed
    if "scheme" in config:  # a loss of its own: no reading, and its channel is always named
        changed = {"channel": preset.channel_spec.channel_label}
    for key, option in (("reading", "reading"), ("channel", "channel")):
        if now is preset.link and config.get(key) != changed.get(key):
            raise ValueError(f"{path} was trained with another --{option}: give another --out")
    if images is not None and config.get("images_sha256", images) != images:
        raise ValueError(
            f"{path} was trained with another --data or --extra-data: give another --out"
        )


def refuse_other_encoder(path: Path, encoder: Path) -> None:
    """Checks that existing weights of a link were trained behind the encoder that is there now.

    Args:
        path: Existing weights of a link. Older ones may not say which encoder they belong to.
        encoder: The file of the encoder.

    Raises:
        ValueError: If it was another one.
    """
    _, config = read_weights(path)
    here = file_hash(encoder)
    if config.get("encoder_sha256", here) != here:
        raise ValueError(f"{path} was trained behind another encoder than {encoder}: delete it")


def refuse_other_code(encoder: Path, about: Mapping[str, object]) -> None:
    """Checks that an encoder was trained with the present code of its network.

    Args:
        encoder: Its file.
        about: What `code_of_backbone` returns for the present code.

    Raises:
        ValueError: If the code of a user's own network has changed: it is another encoder.
    """
    _, config = read_weights(encoder)
    if config.get("code") != about.get("code"):
        raise ValueError(
            f"{encoder} was trained with other code of --backbone {config.get('backbone')}: "
            "give another --out"
        )
