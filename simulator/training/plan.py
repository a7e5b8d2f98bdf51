"""Plans of trainings: readings x schemes x seeds behind one encoder, in a TOML file.

    seeds = 5                                # or a list, as in [0, 3]
    schemes = ["semharq", "ik-s-harq", "rt-s-harq"]

    [recipe]                                 # fields of `LinkRecipe`, the same for all
    complete_steps = 600
    selected_steps = 1200

    [readings.default]

    [readings.zf-average]
    reading = { equalizer = "zf" }
    buffer = "average"

    [readings.block]
    channel_args = { fading = "block" }
    schemes = ["semharq"]

A reading that changes nothing in the training of a scheme shares the weights of an earlier one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from semantic.link.protocol import LEARNED, TRAINED_DETECTORS
from semantic.plus.variants import VARIANTS
from semantic.suggest import nearest
from semantic.training.loop import LinkRecipe
from semantic.weights.deepjscc import DEEPJSCC
from semantic.weights.vq import VQ
from simulator.arguments import Argument
from simulator.files import read_text
from simulator.spec_fields import LAST_SEED
from simulator.training.link_options import LinkOptions, adapted
from simulator.training.own_scheme import OWN_LOSS
from simulator.training.presets import Preset
from simulator.trust import import_strings

#: Schemes that a plan trains: those behind an encoder whose training takes no arguments.
TRAINED = (*LEARNED, *VARIANTS, VQ, *OWN_LOSS)
#: Of these, the schemes that do not start from the link with f sent complete.
WITHOUT_COMPLETE = (VQ, *OWN_LOSS)
#: Parts of the names of fields of a recipe.
STAGES = ("complete", "fde", "selected")
BATCH = ("vehicles_per_batch", "images_per_vehicle", "max_transmissions", "fde_features")
#: Most seeds of a plan.
MOST_SEEDS = 10**4
#: Keys of a plan, and of one of its readings.
KEYS = ("seeds", "schemes", "recipe", "readings")
READING_KEYS = ("reading", "buffer", "channel", "channel_args", "snr_db", "schemes", "recipe")
#: Fields of a recipe that a plan may set. Seed, SNR and tasks have keys of their own.
RECIPE: dict[str, Argument] = {
    one.name: one
    for one in (
        *(Argument(f"{stage}_steps", int, None, least=0, most=10**9) for stage in STAGES),
        Argument("learning_rate", float, None, least=0, most=1e3, open_ends=True),
        *(Argument(n, int, None, least=1, most=10**6) for n in BATCH),
        *(Argument(n, float, None, least=0, most=1) for n in ("free_budget", "fixed_statistics")),
    )
}
#: Options of a reading that matter to schemes with F alone, or to those that rank features alone.
OF_DETECTOR = ("fde", "pairs", "losses")
OF_ORDER = ("importance", "criterion", "positions")


@dataclass(frozen=True)
class PlannedReading:
    """One reading of a plan.

    Attributes:
        name: Its name in the plan, and of its directory.
        preset: Options of its trainings; the seed is set for each training.
        schemes: Schemes that are trained with it.
    """

    name: str
    preset: Preset
    schemes: tuple[str, ...]

    def seeded(self, seed: int) -> Preset:
        """Returns the options of the trainings of a seed."""
        return replace(self.preset, link=replace(self.preset.link, seed=seed))

    def effective(self, scheme: str) -> dict[str, Any]:
        """Returns everything that the training of a scheme depends on, beside seed and data."""
        preset = self.preset
        channel = preset.channel, preset.channel_args, preset.bandwidth_hz
        if scheme == VQ:
            return {}
        if scheme in OWN_LOSS:
            return {"link": asdict(preset.link), "channel": channel}
        changed = dict(preset.reading.changed)
        if scheme in VARIANTS:  # it starts from a link of the reading, whose order it leaves
            if preset.reading.stage2 != "harq":
                changed = {k: v for k, v in changed.items() if k not in OF_DETECTOR + OF_ORDER}
            about = {"reading": changed, "link": asdict(preset.link), "buffer": preset.buffer}
            return {**about, "channel": channel}
        learned = LEARNED[scheme]
        protocol = learned.protocol
        changed.pop("retraining", None)
        if protocol.detector not in TRAINED_DETECTORS:
            changed = {k: v for k, v in changed.items() if k not in OF_DETECTOR}
        if protocol.order != "importance" or protocol.transmissions == "all":
            changed = {k: v for k, v in changed.items() if k not in OF_ORDER}
        retrained = preset.reading.retrains(learned)
        link = asdict(preset.link) | ({} if retrained else {"selected_steps": 0})
        return {"reading": changed, "link": link, "buffer": preset.buffer, "channel": channel}


@dataclass(frozen=True)
class TrainingPlan:
    """Trainings of links behind one encoder.

    Attributes:
        readings: The readings by name, in the order of the file.
        seeds: Seeds of the trainings.
    """

    readings: Mapping[str, PlannedReading]
    seeds: tuple[int, ...]

    def trained_by(self, reading: str, scheme: str) -> str:
        """Returns the reading whose weights of a scheme a reading uses: its own or an earlier one's."""
        wanted = self.readings[reading].effective(scheme)
        return next(
            name
            for name, planned in self.readings.items()
            if name == reading
            or (scheme in planned.schemes and planned.effective(scheme) == wanted)
        )

    def trained(self, reading: str) -> tuple[str, ...]:
        """Returns the schemes of a reading that share no weights with an earlier reading."""
        planned = self.readings[reading]
        return tuple(s for s in planned.schemes if self.trained_by(reading, s) == reading)

    def owners(self, readings: Collection[str]) -> tuple[str, ...]:
        """Returns the readings whose weights some readings use, in the order of the plan.

        Raises:
            ValueError: For an unknown reading.
        """
        chosen = self.only(tuple(readings)).readings.items()
        of = {
            self.trained_by(name, scheme) for name, planned in chosen for scheme in planned.schemes
        }
        return tuple(name for name in self.readings if name in of)

    def only(self, readings: tuple[str, ...]) -> TrainingPlan:
        """Returns the same plan for some readings.

        Raises:
            ValueError: For an unknown reading.
        """
        for name in readings:
            if name not in self.readings:
                raise ValueError(
                    f"the plan has no reading {name!r}: {nearest(name, self.readings)}"
                )
        return replace(self, readings={name: self.readings[name] for name in readings})


def read_plan(path: Path, preset: Preset) -> TrainingPlan:
    """Reads a plan.

    Args:
        path: The TOML file.
        preset: Options of which the plan is a change.

    Raises:
        ValueError: One line, for a file that cannot be read, or a key or value that is not allowed.
    """
    try:
        plan = tomllib.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"plan {path} cannot be read: {error}") from None
    try:
        _refuse_unknown("key", plan, KEYS)
        preset = replace(preset, link=_recipe(preset.link, plan.get("recipe", {})))
        schemes = _schemes(plan.get("schemes", list(LEARNED)))
        readings = _table("readings", plan.get("readings", {}))
        if not readings:
            raise ValueError("it has no [readings.NAME]")
        found = {name: _reading(name, table, preset, schemes) for name, table in readings.items()}
        return TrainingPlan(found, _seeds(plan.get("seeds", 1)))
    except ValueError as error:
        raise ValueError(f"plan {path}: {error}") from None


def _reading(name: str, table: Any, preset: Preset, schemes: tuple[str, ...]) -> PlannedReading:
    try:
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
            raise ValueError("a name has letters, digits, '.', '-' and '_' alone")
        _refuse_unknown("key", _table(name, table), READING_KEYS)
        options = LinkOptions(
            tuple((k, str(v)) for k, v in _table("reading", table.get("reading", {})).items()),
            table.get("channel"),
            tuple(_table("channel_args", table.get("channel_args", {})).items()),
        )
        channel, arguments = str(options.channel or ""), dict(options.channel_args)
        if own := sorted(import_strings((), channel, arguments, {}, "", None)):
            raise ValueError(f"channel {own[0]!r} must be a built-in one: a plan runs no code")
        snr_db, buffer = table.get("snr_db"), table.get("buffer")
        if isinstance(snr_db, bool) or not isinstance(snr_db, int | float | None):
            raise ValueError(f"snr_db is {snr_db!r}, it must be a number")
        if not isinstance(buffer, str | None):
            raise ValueError(f"buffer is {buffer!r}, it must be a word")
        preset = replace(preset, link=_recipe(preset.link, table.get("recipe", {})))
        backbone = preset.encoder.backbone
        chosen = adapted(preset, 0, backbone, snr_db, buffer, None, options)
        if chosen.reading.encoder == "joint":
            raise ValueError("encoder=joint has no place in a plan: give --reading encoder=joint")
        trained = _schemes(table["schemes"]) if "schemes" in table else schemes
        return PlannedReading(name, chosen, trained)
    except ValueError as error:
        raise ValueError(f"reading {name}: {error}") from None


def _recipe(recipe: LinkRecipe, table: Any) -> LinkRecipe:
    """Returns a recipe with the fields of a table."""
    _refuse_unknown("field of recipe", _table("recipe", table), RECIPE)
    for name, value in table.items():
        RECIPE[name].check(value)
    return replace(recipe, **table)


def _schemes(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not given:
        raise ValueError(f"schemes is {given!r}, it must be a list of names")
    if DEEPJSCC in given:
        raise ValueError(f"{DEEPJSCC} is trained on pixels: `simulate train --scheme {DEEPJSCC}`")
    _refuse_unknown("scheme", given, TRAINED)
    twice = [name for name in given if given.count(name) > 1]
    if twice:
        raise ValueError(f"scheme {twice[0]!r} is given twice")
    return tuple(given)


def _seeds(given: Any) -> tuple[int, ...]:
    """Returns the seeds: a list of them, or their number.

    >>> _seeds(2), _seeds([3, 5])
    ((0, 1), (3, 5))
    """
    seeds = list(range(min(given, MOST_SEEDS + 1))) if type(given) is int else given
    if not isinstance(seeds, list) or not seeds or not all(type(n) is int for n in seeds):
        raise ValueError(f"seeds is {given!r}, it must be a number of seeds or a list of them")
    if len({*seeds}) < len(seeds) or min(seeds) < 0:
        raise ValueError(f"seeds {seeds} must be different and not negative")
    if len(seeds) > MOST_SEEDS or max(seeds) > LAST_SEED:
        raise ValueError(f"seeds are at most {MOST_SEEDS}, and none is above {LAST_SEED}")
    return tuple(seeds)


def _table(name: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"{name} is {given!r}, it must be a table")
    return given


def _refuse_unknown(what: str, given: Any, known: Any) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"unknown {what} {name!r}: {nearest(str(name), known)}")
