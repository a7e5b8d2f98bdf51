"""Converts options of the command line to a `RunSpec`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulator.arguments import Argument, plain_value
from simulator.catalog import SCHEMES
from simulator.renamed import RENAMED
from simulator.spec import RunSpec, parse_snr
from simulator.spec_fields import MOST_BANDWIDTH_HZ, MOST_SLOT_S
from simulator.trainings import training_directories
from simulator.trust import import_strings

#: Options in another unit than their field: their messages have the option's name and unit.
SLOT_MS = Argument("--slot-ms", float, None, least=0, most=1e3 * MOST_SLOT_S, open_ends=True)
BANDWIDTH_MHZ = Argument(
    "--bandwidth-mhz", float, None, least=0, most=MOST_BANDWIDTH_HZ / 1e6, open_ends=True
)


def key_values(option: str, pairs: tuple[str, ...]) -> tuple[tuple[str, Any], ...]:
    """Parses NAME=VALUE pairs.

    >>> key_values("--scheme-arg", ("theta_0_db=0.5", "codec=webp"))
    (('codec', 'webp'), ('theta_0_db', 0.5))
    """
    return tuple(sorted((name, plain_value(text)) for name, text in texts(option, pairs).items()))


def texts(option: str, pairs: tuple[str, ...]) -> dict[str, str]:
    """Returns NAME=VALUE pairs as text.

    >>> texts("--scheme-arg", ("codec=jpeg", "codec=webp"))
    Traceback (most recent call last):
    ValueError: --scheme-arg codec is given twice: 'jpeg' and 'webp'
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ValueError(f"{option} {pair!r} is not NAME=VALUE")
        if name in found:
            raise ValueError(f"{option} {name} is given twice: {found[name]!r} and {value!r}")
        found[name] = value
    return found


def scheme_arguments(
    schemes: tuple[str, ...], pairs: tuple[str, ...]
) -> tuple[tuple[str, Any], ...]:
    """The pairs of --scheme-arg: text where a built-in scheme declares the type of the argument."""
    found = texts("--scheme-arg", pairs)
    declared = {name for s in schemes if s in SCHEMES for name in SCHEMES[s].declared}
    declared |= {old for old, new in RENAMED["scheme argument"].items() if new in declared}
    return tuple(
        (name, text if name in declared else plain_value(text))
        for name, text in sorted(found.items())
    )


def typed_parts(given: dict[str, Any]) -> set[str]:
    """Returns the import strings among the given options: what the user names, the user trusts."""
    return import_strings(
        str(given.get("scheme", "")).split(","),
        given.get("channel", ""),
        dict(key_values("--channel-arg", given.get("channel_args", ()))),
        dict(key_values("--scheme-arg", given.get("scheme_args", ()))),
        given.get("data", ""),
        given.get("backbone"),
    )


def build_spec(given: dict[str, Any], base: RunSpec | Path | None) -> RunSpec:
    """Returns the spec of a run: a given one or the default, changed by the given options."""
    spec = RunSpec.read(base) if isinstance(base, Path) else base or RunSpec()
    convert: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "scheme": (
            "schemes",
            lambda v: tuple(part.strip() for part in v.split(",") if part.strip()),
        ),
        "snr": ("snr_db", parse_snr),
        "slot_ms": ("slot_s", lambda v: SLOT_MS.check(v) / 1e3),
        "bandwidth_mhz": ("bandwidth_hz", lambda v: BANDWIDTH_MHZ.check(v) * 1e6),
        "channel_args": ("channel_args", lambda v: key_values("--channel-arg", v)),
        "impairments": ("impairments", lambda v: key_values("--impair", v)),
    }
    fading, scheme_args = given.pop("fading", None), given.pop("scheme_args", None)
    if "weights" in given:
        weights = given["weights"]
        weights = (weights,) if isinstance(weights, str) else weights
        trainings = training_directories(weights)
        given |= {"trainings": trainings, "weights": None if trainings else weights[0]}
    changes = {}
    for name, value in given.items():
        field, function = convert.get(name, (name, lambda v: v))
        changes[field] = function(value)
    if (
        "channel" in changes
        and "channel_args" not in changes
        and changes["channel"] != spec.channel
    ):
        changes["channel_args"] = ()
    if scheme_args is not None:
        schemes = changes.get("schemes", spec.schemes)
        changes["scheme_args"] = scheme_arguments(schemes, scheme_args)
    spec = replace(spec, **changes)
    if "max_seeds" in changes and spec.until is None:
        raise ValueError("--max-seeds needs a stop rule: --until ci=POINTS or --until errors=N")
    return spec if fading is None else spec.with_fading(fading)
