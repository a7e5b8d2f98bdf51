"""Names -> import strings: everything that a run can be asked for, in one readable list."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from semantic.data.names import nearest


@dataclass(frozen=True)
class Entry:
    """One thing by name.

    Attributes:
        target: "package.module:attribute", imported when it is asked for.
        summary: One line for `simulate list`.
        arguments: What --channel-arg or --scheme-arg may set, with defaults, for the same list.
    """

    target: str
    summary: str
    arguments: str = ""

    @property
    def line(self) -> str:
        """Summary and arguments."""
        return f"{self.summary} [{self.arguments}]" if self.arguments else self.summary


SCHEMES: dict[str, Entry] = {
    "semharq": Entry(
        "simulator.build:semharq",
        "semantic HARQ: distorted features again, then the next most important ones",
        "theta_0_db=1 features_per_use=1",
    ),
    "jpeg-ldpc-bpsk": Entry(
        "simulator.build_coded:jpeg_ldpc_bpsk",
        "picture file, 5G LDPC 3/4, BPSK, one shot",
        "codec=jpeg quality=fit rate=0.75 on_failure=best-effort",
    ),
    "jpeg-ldpc-16qam-harq": Entry(
        "simulator.build_coded:jpeg_ldpc_16qam_harq",
        "picture file, 5G LDPC 3/4, 16-QAM, incremental-redundancy HARQ",
        "codec=jpeg quality=fit modulation=16qam rate=0.75 base_graph=1 rv_order=0231 "
        "combining=ir iterations=50 give_up=1 on_failure=best-effort",
    ),
    "perfect": Entry("simulator.build:perfect", "no channel: the ceiling"),
}

CHANNELS: dict[str, Entry] = {
    "rician": Entry("phy.fading:Rician", "line of sight and scatter", "k_factor=2 fading=fast"),
    "rayleigh": Entry("phy.fading:Rayleigh", "scatter alone", "fading=fast"),
    "awgn": Entry("phy.fading:Awgn", "no fading"),
}

DATA: dict[str, str] = {
    "synthetic": "the embedded test split of rendered vehicles; needs nothing",
    "DIR": "a folder of images with labels.csv, labels.json, or a file-name pattern",
    "veri:DIR": "VeRi-776 in its published layout",
}


def resolve(kind: str, name: str, entries: Mapping[str, Entry]) -> Any:
    """The object behind a name of a catalogue, or behind "package.module:Attribute".

    Raises:
        ValueError: One line with the nearest valid name, or with what cannot be imported.
    """
    if name not in entries and ":" not in name:
        raise ValueError(f"unknown {kind} {name!r}: {nearest(name, entries)}")
    target = entries[name].target if name in entries else name
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{kind} {name!r} cannot be imported: {error}") from None


def construct(kind: str, name: str, entries: Mapping[str, Entry], arguments: dict[str, Any]) -> Any:
    """Calls the object behind a name with arguments.

    Raises:
        ValueError: One line that names the argument it does not take, with the nearest it does.
    """
    factory = resolve(kind, name, entries)
    if not callable(factory):
        raise ValueError(f"{kind} {name!r} is a {type(factory).__name__}, not a class")
    parameters = inspect.signature(factory).parameters
    for argument in arguments:
        if argument not in parameters:
            raise ValueError(
                f"{kind} {name} takes no argument {argument!r}: "
                + (nearest(argument, parameters) if parameters else "it takes none")
            )
    try:
        inspect.signature(factory).bind(**arguments)
    except TypeError as error:
        raise ValueError(f"{kind} {name}: {error}") from None
    return factory(**arguments)
