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
    "semantic.weights:PACKED": "semantic.weights.files:PACKED",
    "semantic.weights:SCALE": "semantic.weights.files:SCALE",
    "semantic.weights:WeightsError": "semantic.weights.files:WeightsError",
    "semantic.weights:file_hash": "semantic.weights.files:file_hash",
    "semantic.weights:load_imagenet": "semantic.weights.files:load_imagenet",
    "semantic.weights:load_into": "semantic.weights.files:load_into",
    "semantic.weights:read_weights": "semantic.weights.files:read_weights",
    "semantic.weights:save_in_four_bits": "semantic.weights.files:save_in_four_bits",
    "semantic.weights:save_weights": "semantic.weights.files:save_weights",
    "semantic.belief:heard": "semantic.plus.belief:apply_feedback",
    "semantic.belief:unknown_part": "semantic.plus.belief:innovation",
    "semantic.data.synthetic.body:wheel_centres": "semantic.data.synthetic.body:wheel_centers",
    "semantic.data.synthetic.scene:CAMERAS": "semantic.data.synthetic.cameras:CAMERAS",
    "semantic.data.synthetic.scene:LIGHTS": "semantic.data.synthetic.cameras:LIGHTS",
    "semantic.data.synthetic.scene:Neighbour": "semantic.data.synthetic.scene:Neighbor",
    "semantic.data.synthetic.scene:sample_cameras": "semantic.data.synthetic.cameras:sample_cameras",
    "semantic.data.synthetic.tracks:LabelledShot": "semantic.data.synthetic.tracks:LabeledShot",
    "semantic.data.synthetic.vehicle:POPULATIONS": "semantic.data.synthetic.populations:POPULATIONS",
    "semantic.data.synthetic.vehicle:Population": "semantic.data.synthetic.populations:Population",
    "semantic.data.synthetic.vehicle:joint_share": "semantic.data.synthetic.populations:joint_share",
    "semantic.quantiser:QUANTISERS": "semantic.quantizer:QUANTIZERS",
    "semantic.sending_plan:estimate_quantiser": "semantic.plus.schedule:estimate_quantizer",
    "semantic.sending_plan:importance_of_features": "semantic.plus.schedule:feature_weights",
    "semantic.timm_backbone:WIDTH": "semantic.conventions:SEMANTIC_FEATURES",
    "semantic.training.encoder:TASK_WEIGHTS": "semantic.training.encoder:ENCODER_TASK_WEIGHTS",
    "semantic.training.fde:Heard": "semantic.training.fde:ReceivedFeatures",
    "semantic.training.round_trip:asked_again": "semantic.training.round_trip:retransmission_request",
    "semantic.weights:IMAGENET_URL": "semantic.weights.files:IMAGENET_URL",
    "semantic.weights:round_to_four_bits": "semantic.weights.files:round_to_four_bits",
    "semantic.weights:write_tensors": "semantic.weights.files:write_tensors",
}

#: "old.module:name" -> what to use instead, for names without a successor of the same form.
REMOVED: dict[str, str] = {
    "semantic.data.folder:SUFFIXES": "the content tells; semantic.data.images.FORMATS lists the formats",
    "semantic.data.synthetic.scene:LIGHT_SHARE": "semantic.data.synthetic.difficulty.LIGHT_ODDS, by name",
    "semantic.gumbel:relaxed_selection": "the sum of semantic.distortion.gumbel.relaxed_draws over the draws",
    "semantic.losses:task_loss": "semantic.losses.task_losses(...).total(weights)",
    "semantic.protocol:Again": "semantic.link.protocol.Retransmit, with other words",
    "semantic.protocol:Rounds": "semantic.link.protocol.Transmissions",
    "semantic.reid:ReidMetric": "semantic.reid.evaluate_reid on all images at once",
    "semantic.selection:asked_ratio": "the mean of (d >= threshold)",
    "semantic.training.plus:FEEDBACK": "estimate_bits and bursts of semantic.training.plus.plus_round_trip",
    "semantic.training.round_trip:Budget": "Callable[[float], int]",
    **dict.fromkeys(
        (
            "semantic.mutual_information:DEFAULT_DECAY",
            "semantic.mutual_information:MineEstimate",
            "semantic.mutual_information:MineEstimator",
            "semantic.mutual_information:PairScore",
            "semantic.mutual_information:mine_objective",
            "semantic.mutual_information:mismatched",
        ),
        "train a statistics network of your own on semantic.distortion.mine.mine_bound",
    ),
}


class RenamedWarning(DeprecationWarning):
    """An old name was used; the message names the new one."""


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
