"""Old import paths and names, which keep working for one release.

Importing a module by its old path works as before; a name taken from it warns with the new place.
This file goes with version 0.3.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from types import ModuleType
from typing import Any

#: Old path of a module -> new path.
MODULES: dict[str, str] = {
    "semantic.backbone": "semantic.encoder.densenet",
    "semantic.belief": "semantic.plus.belief",
    "semantic.buffer": "semantic.link.buffer",
    "semantic.data.names": "semantic.suggest",
    "semantic.fde": "semantic.distortion.network",
    "semantic.four_bits": "semantic.weights.four_bits",
    "semantic.gumbel": "semantic.distortion.gumbel",
    "semantic.importance": "semantic.link.importance",
    "semantic.jsc": "semantic.link.jsc",
    "semantic.model": "semantic.link.network",
    "semantic.mutual_information": "semantic.distortion.mine",
    "semantic.protocol": "semantic.link.protocol",
    "semantic.quantiser": "semantic.quantizer",
    "semantic.selection": "semantic.distortion.threshold",
    "semantic.selector": "semantic.link.selector",
    "semantic.sending_plan": "semantic.plus.schedule",
    "semantic.timm_backbone": "semantic.encoder.timm",
}

#: "old.module:name" -> "new.module:name", for names that have changed or moved elsewhere.
NAMES: dict[str, str] = {
    "semantic.importance:TASK_WEIGHTS": "semantic.link.importance:FIR_TASK_WEIGHTS",
    "semantic.sending_plan:LATENT": "semantic.plus.schedule:LATENT_FEATURES",
    "semantic.sending_plan:sending_plan": "semantic.plus.schedule:burst_plan",
    "semantic.backbone:normalise": "semantic.encoder.densenet:normalize",
    "semantic.data.dataset:open_dataset": "semantic.data.opening:open_dataset",
    "semantic.model:Loaded": "semantic.weights.stored:EncoderBundle",
    "semantic.model:MultiTaskNetwork": "semantic.encoder.multitask:MultiTaskNetwork",
    "semantic.model:PRETRAINED": "semantic.weights.stored:PRETRAINED",
    "semantic.model:load_encoder": "semantic.weights.stored:load_encoder",
    "semantic.model:load_link": "semantic.weights.stored:load_link",
    "semantic.model:save_link": "semantic.weights.stored:save_link",
    "semantic.model:weights_directory": "semantic.weights.stored:weights_directory",
    "semantic.model:weights_path": "semantic.weights.stored:weights_path",
    "semantic.plus:PLUS": "semantic.weights.stored:PLUS",
    "semantic.plus:PlusNetwork": "semantic.plus.network:PlusNetwork",
    "semantic.plus:load_plus": "semantic.weights.stored:load_plus",
    "semantic.plus:save_plus": "semantic.weights.stored:save_plus",
    "semantic.quantiser:Quantiser": "semantic.quantizer:Quantizer",
    "semantic.selector:LENGTH": "semantic.conventions:CODED_FEATURES",
    "semantic.weights:WeightsError": "semantic.weights.files:WeightsError",
    "semantic.weights:file_hash": "semantic.weights.files:file_hash",
    "semantic.weights:load_imagenet": "semantic.weights.files:load_imagenet",
    "semantic.weights:load_into": "semantic.weights.files:load_into",
    "semantic.weights:read_weights": "semantic.weights.files:read_weights",
    "semantic.weights:save_in_four_bits": "semantic.weights.files:save_in_four_bits",
    "semantic.weights:save_weights": "semantic.weights.files:save_weights",
}


class RenamedModule(ModuleType):
    """Stands at the old path of a module."""

    def __init__(self, old: str, modules: dict[str, str], names: dict[str, str]) -> None:
        super().__init__(old)
        self._tables = modules, names

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return renamed(self.__name__, name, *self._tables)


def renamed(
    module: str, name: str, modules: dict[str, str] = MODULES, names: dict[str, str] = NAMES
) -> Any:
    """Returns what an old name stands for and warns with the new one.

    Raises:
        AttributeError: When there was no such name.
    """
    old = f"{module}:{name}"
    if old not in names and module not in modules:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    place, _, attribute = names.get(old, f"{modules.get(module)}:{name}").partition(":")
    found = getattr(import_module(place), attribute)
    text = f"{module}.{name} is now {place}.{attribute}; the old name goes with version 0.3"
    warnings.warn(text, DeprecationWarning, stacklevel=3)
    return found


def keep_old_paths(modules: dict[str, str] = MODULES, names: dict[str, str] = NAMES) -> None:
    """Makes the old paths importable."""
    for old in modules:
        sys.modules.setdefault(old, RenamedModule(old, modules, names))
