"""The trained encoder that links stand behind, and its backbone, which may be a user's own."""

from __future__ import annotations

from pathlib import Path

from semantic.encoder.multitask import MultiTaskNetwork
from semantic.encoder.own import is_own
from semantic.plugins import load
from semantic.weights.files import (
    load_into,
    read_weights,
)
from semantic.weights.stored import (
    UNFILLED,
    trusted_backbone,
)
from simulator.sweeps.part_code import module_code
from simulator.training.presets import Preset


def read_encoder(path: Path, device: str, backbone: str | None = None) -> MultiTaskNetwork:
    """Returns the clean network of a weights file, frozen.

    Args:
        path: The file.
        device: Where the network computes.
        backbone: Import string of the user's own network, if `--backbone` names one.

    Raises:
        ValueError: If its network is of a user's own module that `backbone` does not name.
    """
    state, config = read_weights(path, ("identities",))
    name = trusted_backbone(path, config, backbone)
    made_of = config["identities"], name
    if not is_own(name):
        with UNFILLED:  # takes no memory: the config may be of another network than the tensors
            load_into(MultiTaskNetwork(*made_of), state, str(path))
    network = MultiTaskNetwork(*made_of)
    load_into(network, state, str(path))
    return network.requires_grad_(False).eval().to(device)


def preset_backbone(preset: Preset) -> str | None:
    """Returns the import string of the user's own network that `--backbone` names, or None."""
    return preset.encoder.backbone if is_own(preset.encoder.backbone) else None


def code_of_backbone(preset: Preset) -> dict[str, dict[str, str]]:
    """Returns the hashes of the code of a user's own network, for the records of a training."""
    name = preset_backbone(preset)
    return (
        {}
        if name is None
        else {"code": module_code(load("backbone", name, name), name.partition(":")[0])}
    )
