"""The values that the fields of a run's specification may have: types and ranges in one table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from simulator.arguments import Argument
from simulator.slots import BUDGETS

#: Gallery images have crossed the link as queries have, or a server holds them.
GALLERIES = ("received", "clean")
#: Precisions of matrix products; "auto" is bf16 where the device multiplies bf16 faster.
PRECISIONS = ("fp32", "bf16", "auto")
#: Largest seed: seeds are 64-bit words.
LAST_SEED = 2**64 - 1
#: Most seeds of a point, SNRs of a run and schemes of a run.
MOST_SEEDS, MOST_SNRS, MOST_SCHEMES = 10**12, 10_001, 1_000
#: Largest |SNR| in dB.
MOST_SNR_DB = 100.0
#: Largest T in seconds and W in hertz.
MOST_SLOT_S, MOST_BANDWIDTH_HZ = 1e6, 1e18
_NAME = r"[^\x00]{1,4000}"


def _field(name: str, kind: type, example: str = "", **limits: Any) -> Argument:
    return Argument(name, kind, None, example=example, **limits)


#: Fields that hold one value.
SCALARS: dict[str, Argument] = {
    one.name: one
    for one in (
        _field("channel", str, "a channel", pattern=_NAME),
        _field("data", str, "a data set", pattern=_NAME),
        _field("images", int, least=1, most=10**9),
        _field("max_transmissions", int, least=1, most=10**6),
        _field("budget", str, allowed=BUDGETS),
        _field("gallery", str, allowed=GALLERIES),
        _field("image_quality", bool),
        _field("seed", int, least=0, most=LAST_SEED),
        _field("seeds", int, least=1, most=MOST_SEEDS),
        _field("until", str, "ci=POINTS or errors=N", pattern=_NAME),
        _field("max_seeds", int, least=1, most=MOST_SEEDS),
        _field("slot_s", float, least=0, most=MOST_SLOT_S, open_ends=True),
        _field("bandwidth_hz", float, least=0, most=MOST_BANDWIDTH_HZ, open_ends=True),
        _field("weights", str, "a file or directory", pattern=_NAME),
        _field("backbone", str, "module:Class", pattern=r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*"),
        _field("batch_size", int, least=1, most=10**6),
        _field("precision", str, allowed=PRECISIONS),
        _field(
            "device", str, "auto, cpu, cuda, cuda:0, ...", pattern=r"auto|cpu|cuda(:[0-9]{1,4})?"
        ),
    )
}
#: Images of a batch: of a scheme that says nothing else, and of those whose bursts are short.
BATCH_SIZE, LARGE_BATCH_SIZE = 256, 1024
#: Fields that may be None.
OPTIONAL = ("images", "until", "bandwidth_hz", "weights", "backbone", "batch_size")
_SNR_DB = _field("SNR in dB", float, least=-MOST_SNR_DB, most=MOST_SNR_DB)
_SCHEME = _field("scheme", str, "a name", pattern=_NAME)
_DIRECTORY = _field("trainings", str, "a directory", pattern=_NAME)


def read_field(name: str, value: Any) -> Any:
    """Returns the value of a field in its declared type.

    Raises:
        ValueError: One line: what was given, what is allowed, the nearest allowed value.
    """
    if name in SCALARS:
        return None if value is None and name in OPTIONAL else SCALARS[name].check(value)
    if name in ("channel_args", "scheme_args", "impairments"):
        return _pairs(name, value)
    one, most = {
        "schemes": (_SCHEME, MOST_SCHEMES),
        "snr_db": (_SNR_DB, MOST_SNRS),
        "trainings": (_DIRECTORY, MOST_SEEDS),
    }[name]
    values = tuple(v + 0.0 if one is _SNR_DB else v for v in map(one.check, _listed(name, value)))
    if not values and name != "trainings":
        raise ValueError(f"no {'SNR' if one is _SNR_DB else one.name} was given")
    if len(values) > most:
        raise ValueError(f"{name} has {len(values)} entries, it must have at most {most}")
    twice = [v for v, count in Counter(values).items() if count > 1]
    if twice:
        raise ValueError(f"{'SNR' if one is _SNR_DB else one.name} {twice[0]} is given twice")
    return values


def check_seeds(seed: int, seeds: int) -> None:
    """Refuses seeds beyond the last one.

    Raises:
        ValueError: One line.
    """
    if seed + seeds - 1 > LAST_SEED:
        raise ValueError(f"seed {seed} with {seeds} seeds is not allowed, the last is {LAST_SEED}")


def _listed(name: str, value: Any) -> list[Any]:
    """The entries of a list, also of numpy's."""
    if isinstance(value, str | bytes | dict) or not isinstance(value, Iterable):
        raise ValueError(f"{name} is {value!r:.80}, it must be a list")
    return [getattr(entry, "item", lambda entry=entry: entry)() for entry in value]


def _pairs(name: str, value: Any) -> tuple[tuple[str, Any], ...]:
    """Named arguments, sorted; those of schemes and impairments are checked elsewhere."""
    try:
        found = dict(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {value!r:.80}, it must be a table of arguments") from None
    for key, argument in found.items():
        if not isinstance(key, str):
            raise ValueError(f"{name} has an argument called {key!r:.80}, a name is text")
        plain = argument is None or isinstance(argument, bool | int | float | str)
        if name != "channel_args":
            continue
        if not plain or (isinstance(argument, float) and not math.isfinite(argument)):
            raise ValueError(
                f"{name}: {key} is {argument!r:.80}, it must be a finite number or a word"
            )
    return tuple(sorted(found.items()))
