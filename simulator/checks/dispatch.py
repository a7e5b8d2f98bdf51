"""Recognizes whether a name is a channel, scheme, data set, codec or encoder; runs its check."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from phy.channel import Channel
from semantic.data.dataset import VehicleImages
from semantic.data.opening import at_home
from semantic.data.tree import exists
from semantic.encoder.own import makes_network
from semantic.encoder.timm import DENSENET
from semantic.plugins import installed, is_import_string, load
from semantic.suggest import nearest
from simulator.catalog import CHANNELS, CODECS, SCHEMES
from simulator.checks.channel import check_channel
from simulator.checks.codec import check_codec
from simulator.checks.dataset import check_dataset
from simulator.checks.encoder import check_encoder
from simulator.checks.report import Report
from simulator.checks.scheme import check_scheme
from simulator.scheme import Scheme
from simulator.source_codec import SourceCodec

KINDS = ("channel", "scheme", "data", "codec", "encoder")


def recognize(name: str) -> str:
    """Returns the kind of the part with a name, one of `KINDS`.

    Raises:
        ValueError: For an unknown name, or a part of no known kind, in one line.
    """
    channels = {*CHANNELS, *installed("channel")}
    schemes = {*SCHEMES, *installed("scheme")}
    datasets = {"synthetic", *installed("data set")}
    codecs = {*CODECS, *installed("codec")}
    for kind, names in zip(KINDS, (channels, schemes, datasets, codecs, {DENSENET}), strict=True):
        if name in names:
            return kind
    if name.startswith("veri:") or (name and exists(at_home(name))):
        return "data"
    if name.partition("/")[0] in channels:  # a channel that wraps another one
        return "channel"
    if name.startswith("timm:"):
        return "encoder"
    if not is_import_string(name):
        raise ValueError(
            f"there is no channel, scheme, data set, codec or encoder {name!r}: "
            + nearest(name, sorted(channels | schemes | datasets | codecs | {DENSENET}))
        )
    return _kind_of(name, load("part", name, name))


def _kind_of(name: str, part: object) -> str:
    if isinstance(part, Channel) or (isinstance(part, type) and issubclass(part, Channel)):
        return "channel"
    if isinstance(part, SourceCodec) or (isinstance(part, type) and issubclass(part, SourceCodec)):
        return "codec"
    first = next(iter(inspect.signature(part).parameters), "") if callable(part) else ""
    if isinstance(part, type) and issubclass(part, Scheme) and first != "networks":
        raise ValueError(
            f"{name!r} is the class of a scheme; --scheme takes a function that returns a scheme, "
            "factory(networks, ...), or a class whose first argument is networks"
        )
    if isinstance(part, VehicleImages):
        raise ValueError(f"{name!r} is a VehicleImages; --data takes a function of the split")
    if makes_network(part):
        return "encoder"
    for parameter, kind in (("networks", "scheme"), ("stack", "scheme"), ("split", "data")):
        if first == parameter:
            return kind
    raise ValueError(
        f"the kind of {name!r} (a {type(part).__name__}) is not clear: a channel is a subclass of "
        "phy.channel.Channel, a codec of simulator.source_codec.SourceCodec, an encoder of "
        "torch.nn.Module; the first parameter of a scheme's factory is named networks, that of a "
        "data set's function split; or choose --kind channel, scheme, data, codec or encoder"
    )


def check(
    name: str,
    kind: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    data: str = "synthetic",
    weights: str | None = None,
    budget: str = "slots",
) -> Report:
    """Checks the part with a name.

    Args:
        name: A name of the catalog, of an entry point or of a data set, or
            "package.module:attribute".
        kind: One of `KINDS`; None to recognize it.
        arguments: Arguments of the channel or scheme; other parts have none.
        data: Data set for the check of a scheme.
        weights: Trained weights for the check of a scheme.
        budget: Budget for the check of a scheme, "slots" or "uses".

    Raises:
        ValueError: For a part that cannot be imported or made, in one line.
    """
    kind = recognize(name) if kind is None else kind
    if kind == "channel":
        return check_channel(name, arguments)
    if kind == "scheme":
        return check_scheme(name, arguments, data, weights=weights, budget=budget)
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}: {nearest(kind, KINDS)}")
    if arguments:
        what = "data set" if kind == "data" else kind
        raise ValueError(f"{what} {name!r} takes no argument {next(iter(arguments))!r}")
    if kind == "codec":
        return check_codec(name)
    return check_encoder(name) if kind == "encoder" else check_dataset(name)
