"""Old import paths and names, which keep working for one release.

Importing a module by its old path works as before; a name taken from it warns with the new place.
A name without a successor of the same form fails with one line that says what to use instead.
This file goes with version 0.3.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
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
    "phy.equaliser:Equalised": "phy.equalizer:Equalized",
    "phy.ofdm_grid:MOST_SUBCARRIERS": "phy.ofdm.grid:MAX_SUBCARRIERS",
}

#: "old.module:name" -> what to use instead, for names without a successor of the same form.
REMOVED: dict[str, str] = {
    "phy.ofdm_receiver:PilotedGains": "`Channel.draw` returns phy.channel.Fading(h, pilots)",
    "phy.parameters:checked": "phy.channels.parameters.checked takes a Domain",
    "phy.parameters:positive": "phy.channels.parameters.checked with a Domain above 0",
    "phy.saturating:absolute": "phy.coding.saturating_arithmetic.emit_absolute, which acts on vectors",
    "phy.saturating:choose": "a select of the vectors that phy.coding.row_update emits",
    "phy.saturating:larger": "phy.coding.saturating_arithmetic.emit_larger, which acts on vectors",
    "phy.saturating:smaller": "phy.coding.saturating_arithmetic.emit_smaller, which acts on vectors",
    "phy.saturating:subtract": "phy.coding.saturating_arithmetic.emit_subtract, which acts on vectors",
    "phy.saturating:three_quarters": "phy.coding.saturating_arithmetic.emit_three_quarters, which acts on vectors",
    "phy.saturating:with_sign": "phy.coding.saturating_arithmetic.emit_with_sign, which acts on vectors",
    "phy.scatter:Fading": "a str; phy.channels.diffuse.FADINGS lists its values",
    "phy.snr:snr_to_db": "10 * math.log10(snr)",
    "phy.streams:BatchStreams": "phy.streams.training_streams(generator, batch, device)",
}


class RenamedWarning(DeprecationWarning):
    """An old name was used; the message names the new one."""


def warn_old_attribute(old: str, new: str, stacklevel: int = 3) -> None:
    """Warns in one line that an attribute has another name now.

    Args:
        old: The class and the old name, e.g. "Streams.cell".
        new: The new name.
        stacklevel: Frames up to the user's own, counted from this function's as 1.
    """
    text = f"{old} is now {new}; the old name goes with version 0.3"
    warnings.warn(text, RenamedWarning, stacklevel=stacklevel)


class OldPaths(MetaPathFinder, Loader):
    """Imports modules by their old paths, and gives modules the names that they had.

    Attributes:
        modules: As `MODULES`.
        names: As `NAMES`.
        removed: As `REMOVED`.
    """

    def __init__(
        self, modules: dict[str, str], names: dict[str, str], removed: dict[str, str]
    ) -> None:
        self.modules, self.names, self.removed = modules, names, removed
        self._lost = {old.partition(":")[0] for old in (*names, *removed)}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Finds a module that has moved, or one that lacks old names since."""
        if fullname in self.modules:
            moved = find_spec(self.modules[fullname])
            old = ModuleSpec(fullname, self, origin=moved.origin if moved else None)
            old.has_location = True  # gives the module the __file__ of the new place
            return old
        if fullname not in self._lost:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                if module.__name__ == fullname:  # a loader may serve many modules
                    self.exec_module(module)
                execute(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """Lets a module find old names."""
        vars(module)["__getattr__"] = partial(self.find, module.__name__)

    def find(self, module: str, name: str) -> Any:
        """Returns what an old name stands for and warns with the new one.

        Raises:
            ImportError: If the name is gone; one line that says what to use instead.
            AttributeError: If there was no such name.
        """
        old = f"{module}:{name}"
        if old in self.removed:
            raise ImportError(f"{module}.{name} is gone; instead: {self.removed[old]}")
        if name == "__all__" and module in self.modules:
            return self._public(module)
        if name.startswith("__") or (old not in self.names and module not in self.modules):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        place, _, attribute = self.names.get(old, f"{self.modules.get(module)}:{name}").partition(
            ":"
        )
        found = getattr(import_module(place), attribute)
        text = f"{module}.{name} is now {place}.{attribute}; the old name goes with version 0.3"
        warnings.warn(text, RenamedWarning, stacklevel=2)
        return found

    def _public(self, module: str) -> list[str]:
        """Returns the names that `from module import *` binds: today's, and those of before."""
        new = import_module(self.modules[module])
        today = getattr(new, "__all__", [n for n in vars(new) if not n.startswith("_")])
        before = [n.partition(":")[2] for n in self.names if n.startswith(f"{module}:")]
        return [name for name in (*today, *before) if f"{module}:{name}" not in self.removed]
