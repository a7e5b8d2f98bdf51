"""Names -> import strings: all schemes, channels, codecs, impairments and data sets by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from semantic.parts.files import declare
from semantic.plugins import installed, load, refuse_file_name
from semantic.suggest import nearest, no_argument
from simulator.declared import check_declared, named_errors
from simulator.scheme_catalog import SCHEMES as SCHEMES  # part of this module's interface
from simulator.scheme_catalog import SchemeEntry as SchemeEntry
from simulator.signatures import typed


@dataclass(frozen=True)
class Entry:
    """One name of a catalog.

    Attributes:
        target: "package.module:attribute", imported on demand.
        summary: One line for `simulate list`.
        arguments: Its arguments with defaults, for `simulate list`.
        over: For a channel that wraps another one: the channel that it wraps by default.
    """

    target: str
    summary: str
    arguments: str = ""
    over: str = ""

    @property
    def line(self) -> str:
        """Summary and arguments."""
        return f"{self.summary} [{self.arguments}]" if self.arguments else self.summary


_FADING = "fading=fast|block|jakes speed_mps=10 carrier_hz=5.9e9 bandwidth_hz=W interval_s=T"

_OFDM = (
    "delay_spread_ns=100 speed_mps=10 carrier_hz=5.9e9 bandwidth_hz=W subcarriers=auto "
    "subcarrier_khz=15 cyclic_prefix=normal|extended csi=perfect|ls|lmmse pilot_spacing=12 "
    "interval_s=T"
)
_ANTENNAS = "tx_pattern=omni|38.901|38.901-handheld rx_pattern=omni tx_slant_deg=0 rx_slant_deg=0"

CHANNELS: dict[str, Entry] = {
    "rician": Entry(
        "phy.channels.fading:Rician",
        "line of sight and a diffuse component",
        f"k_factor=2 power=unit|printed {_FADING}",
    ),
    "rayleigh": Entry("phy.channels.fading:Rayleigh", "diffuse component alone", _FADING),
    "nakagami": Entry("phy.channels.nakagami:Nakagami", "Nakagami-m envelope", f"m=2 {_FADING}"),
    "awgn": Entry("phy.channels.fading:Awgn", "no fading"),
    "shadowed": Entry(
        "phy.channels.shadowing:Shadowed",
        "log-normal shadowing on top of any channel",
        "over=rician sigma_db=4 and what the other takes",
        over="rician",
    ),
    "gilbert-elliott": Entry(
        "phy.channels.gilbert_elliott:GilbertElliott",
        "bursts of a bad state on top of any channel",
        "over=awgn good_to_bad=0.01 bad_to_good=0.1 bad_db=-20 bandwidth_hz=W interval_s=T "
        "and what the other takes",
        over="awgn",
    ),
    "simo": Entry(
        "phy.channels.simo:Simo",
        "several receive antennas with maximum-ratio combining, for any flat channel",
        "over=rician antennas=2 and what the other takes",
        over="rician",
    ),
    **{
        f"tdl-{model}": Entry(
            f"phy.ofdm.tdl:tdl_{model}", f"3GPP TDL-{model.upper()} over OFDM", _OFDM
        )
        for model in "abcde"
    },
    **{
        f"cdl-{model}": Entry(
            f"phy.ofdm.cdl:cdl_{model}",
            f"3GPP CDL-{model.upper()} over OFDM",
            f"{_OFDM} {_ANTENNAS}",
        )
        for model in "abcde"
    },
}

#: Source codecs, for codec=NAME of the schemes that send image files.
CODECS: dict[str, Entry] = {
    "jpeg": Entry("simulator.codecs.pillow_codecs:jpeg", "JPEG, 4:2:0, optimized Huffman tables"),
    "webp": Entry("simulator.codecs.pillow_codecs:webp", "WebP, lossy"),
    "avif": Entry("simulator.codecs.pillow_codecs:avif", "AVIF"),
    "heic": Entry(
        "simulator.codecs.heif_codec:HeifCodec",
        "HEIC (HEVC intra coding, as in BPG); needs the extra [heic]",
    ),
}

#: Fields of `simulator.impairments.Impairments`, for --impair.
IMPAIRMENTS: dict[str, str] = {
    "csir_error": "variance of the error of the receiver's channel estimate [0]",
    "csir_pilot_gain_db": "instead: SNR of the pilot observation over that of the data, in dB",
    "csit_offset_db": "increase of the SNR since it was measured, in dB [0]",
    "csit_step_db": "grid to which the measured SNR is rounded down, in dB [0: exact]",
    "feedback_error": "probability that a bit of the answer is flipped [0]",
    "feedback_delay": "slots until an answer arrives [0]",
}

DATA: dict[str, str] = {
    "synthetic": "the embedded test split of rendered vehicles; needs nothing",
    "DIR": "a folder of images with labels.csv, labels.json, or a file-name pattern",
    "veri:DIR": "VeRi-776 in its published layout",
    "module:function": "your own function (docs/extend.md)",
}


def find_target(kind: str, name: str, entries: Mapping[str, Entry | SchemeEntry]) -> str:
    """Returns the import string of a name: of the catalog, an entry point, or an import string.

    Raises:
        ValueError: One line with the nearest valid name.
    """
    if name in entries:
        return entries[name].target
    refuse_file_name(kind, name)
    if ":" in name:
        return name
    theirs = installed(kind)  # looked up last: it reads the metadata of every installed package
    if name in theirs:
        return theirs[name]
    raise ValueError(f"unknown {kind} {name!r}: {nearest(name, [*entries, *theirs])}")


def resolve(kind: str, name: str, entries: Mapping[str, Entry | SchemeEntry]) -> Any:
    """Returns the object behind a name of the catalog, an entry point or "package.module:attribute".

    Raises:
        ValueError: One line with the nearest valid name, or with the failed import.
    """
    return load(kind, name, find_target(kind, name, entries))


class _Level(NamedTuple):
    """What makes one object: a channel that wraps another one has a level for each.

    Attributes:
        name: Name of the class or function.
        factory: It.
        arguments: Those of the given arguments that it takes, in their declared types.
    """

    name: str
    factory: Callable[..., Any]
    arguments: dict[str, Any]


def construct(
    kind: str,
    name: str,
    entries: Mapping[str, Entry],
    arguments: dict[str, Any],
    known: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """Calls the object behind a name with arguments.

    A channel with an `over` parameter wraps another channel, given by name. The wrapped channel
    gets the arguments that the wrapping one does not take. Several levels: over=simo/rician.

    Args:
        kind: Kind of the object, for messages.
        name: Its name.
        entries: The catalog.
        arguments: Its arguments.
        known: Values of the run, e.g. bandwidth_hz, for parameters of that name which `arguments`
            does not set.

    Raises:
        ValueError: One line with the argument that it does not take, and the nearest that it does.
    """
    made: Any = None
    for own_name, factory, given in reversed(_levels(kind, name, entries, arguments)):
        parameters = inspect.signature(factory).parameters
        own = {**{key: known[key] for key in known if key in parameters}, **given}
        if "over" in parameters:
            own["over"] = made
        try:
            inspect.signature(factory).bind(**own)
        except TypeError as error:
            raise ValueError(f"{kind} {own_name}: {error}") from None
        with named_errors(kind, own_name):
            made = factory(**own)
        if own_name not in entries:
            declare(kind, own_name, made, given)
    return made


def typed_arguments(
    kind: str, name: str, entries: Mapping[str, Entry], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the arguments of `construct` in the types that their parameters declare.

    >>> typed_arguments("channel", "shadowed", CHANNELS, {"over": "rician", "k_factor": 2})
    {'over': 'rician', 'k_factor': 2.0}
    """
    levels = _levels(kind, name, entries, dict(arguments))
    typed_values = {key: value for level in levels for key, value in level.arguments.items()}
    return {key: typed_values.get(key, value) for key, value in arguments.items()}


def chosen_arguments(
    kind: str,
    name: str,
    entries: Mapping[str, Entry],
    arguments: Mapping[str, Any],
    known: Collection[str] = (),
) -> dict[str, Any]:
    """Returns the arguments, as `typed_arguments`, that are not the declared defaults.

    Args:
        kind: Kind of the object, for messages.
        name: Its name.
        entries: The catalog.
        arguments: Its arguments.
        known: Names of arguments that stay: without them, `construct` gives values of the run.

    >>> chosen_arguments("channel", "rician", CHANNELS, {"k_factor": "2", "fading": "block"})
    {'fading': 'block'}
    """
    typed_values = typed_arguments(kind, name, entries, arguments)
    for level in _levels(kind, name, entries, dict(arguments)):
        parameters = inspect.signature(level.factory).parameters
        for key, value in level.arguments.items():
            if key not in known and _equal(value, parameters[key].default):
                typed_values.pop(key, None)
    if name in entries and arguments.get("over") == entries[name].over:
        typed_values.pop("over", None)
    return typed_values


def _equal(value: Any, default: Any) -> bool:
    """Whether a value is the default: 2.0 is 2, but True is not 1."""
    plain = isinstance(value, bool) == isinstance(default, bool)
    return plain and isinstance(value, int | float | str | None) and bool(value == default)


def _levels(
    kind: str, name: str, entries: Mapping[str, Entry], arguments: dict[str, Any]
) -> list[_Level]:
    """Returns an object and those that it wraps, the outermost first."""
    name, _, inner = name.partition("/") if name not in entries else (name, "", "")
    factory = resolve(kind, name, entries)
    if not callable(factory):
        raise ValueError(f"{kind} {name!r} is a {type(factory).__name__}, not a class")
    if name not in entries:
        check_declared(kind, name, factory)
    parameters, wrapped = inspect.signature(factory).parameters, list[_Level]()
    if "over" in parameters:
        inner = inner or str(arguments.get("over", entries[name].over if name in entries else ""))
        if not inner:
            raise ValueError(f"{kind} {name} wraps another {kind}: give over=NAME")
        theirs = {key: arguments[key] for key in arguments if key not in parameters}
        arguments = {key: arguments[key] for key in arguments if key in parameters}
        arguments.pop("over", None)
        wrapped = _levels(kind, inner, entries, theirs)
    elif inner:
        raise ValueError(f"{kind} {name} wraps no other {kind}, {name}/{inner} is not allowed")
    for argument in arguments:
        if argument not in parameters:
            raise ValueError(no_argument([f"{kind} {name}"], argument, parameters))
    return [_Level(name, factory, typed(f"{kind} {name}", factory, arguments)), *wrapped]
