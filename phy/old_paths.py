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
    "phy.antenna": "phy.ofdm.antenna",
    "phy.bounds": "phy.coding.bounds",
    "phy.cdl": "phy.ofdm.cdl",
    "phy.code_block_groups": "phy.coding.code_block_groups",
    "phy.crc": "phy.coding.crc",
    "phy.equaliser": "phy.equalizer",
    "phy.fading": "phy.channels.fading",
    "phy.gilbert_elliott": "phy.channels.gilbert_elliott",
    "phy.impairments": "phy.channels.imperfect_csir",
    "phy.jakes": "phy.channels.jakes",
    "phy.ldpc_decoder": "phy.coding.ldpc_decoder",
    "phy.ldpc_encoder": "phy.coding.ldpc_encoder",
    "phy.ldpc_kernel": "phy.coding.ldpc_kernel",
    "phy.ldpc_tables": "phy.coding.ldpc_code",
    "phy.link_adaptation": "phy.coding.link_adaptation",
    "phy.mcs": "phy.coding.mcs",
    "phy.mobile": "phy.ofdm.link",
    "phy.nakagami": "phy.channels.nakagami",
    "phy.ofdm_channel": "phy.ofdm.channel",
    "phy.ofdm_estimation": "phy.ofdm.estimation",
    "phy.ofdm_grid": "phy.ofdm.grid",
    "phy.ofdm_paths": "phy.ofdm.paths",
    "phy.ofdm_receiver": "phy.ofdm.receiver",
    "phy.parameters": "phy.channels.parameters",
    "phy.rate_matching": "phy.coding.rate_matching",
    "phy.saturating": "phy.coding.saturating_arithmetic",
    "phy.scatter": "phy.channels.diffuse",
    "phy.segmentation": "phy.coding.segmentation",
    "phy.shadowing": "phy.channels.shadowing",
    "phy.simo": "phy.channels.simo",
    "phy.soft_buffer": "phy.coding.soft_buffer",
    "phy.tdl": "phy.ofdm.tdl",
    "phy.tr38901": "phy.ofdm.tr38901",
    "phy.transport": "phy.coding.transport",
    "phy.wrapper": "phy.channels.wrapper",
}

#: "old.module:name" -> "new.module:name", for names that have changed or moved elsewhere.
NAMES: dict[str, str] = {
    "phy.gilbert_elliott:BurstState": "phy.channels.gilbert_elliott:MarkovState",
    "phy.link_adaptation:Bursts": "phy.coding.link_adaptation:FadingSamples",
    "phy.ofdm_channel:MOST_ICI": "phy.ofdm.channel:MAX_ICI",
    "phy.ldpc_decoder:ENGINES": "phy.coding.ldpc_decoder:DECODERS",
    "phy.ldpc_decoder:engine": "phy.coding.ldpc_decoder:make_decoder",
    "phy.power:normalise_power": "phy.power:normalize_power",
    "phy.scatter:Scatter": "phy.channels.diffuse:DiffuseComponent",
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
