"""Which check a name gets: it is a channel, a scheme, a data set or a codec."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from phy.channel import Channel
from semantic.data.dataset import VehicleImages
from semantic.plugins import installed, is_import_string, load
from semantic.suggest import nearest
from simulator.catalog import CHANNELS, CODECS, SCHEMES
from simulator.checks.channel import check_channel
from simulator.checks.codec import check_codec
from simulator.checks.dataset import check_dataset
from simulator.checks.report import Report
from simulator.checks.scheme import check_scheme
from simulator.scheme import Scheme
from simulator.source_codec import SourceCodec

KINDS = ("channel", "scheme", "data", "codec")


def recognize(name: str) -> str:
    """The kind of thing behind a name, one of `KINDS`.

    Raises:
        ValueError: One line, for a name that nothing has, or an object of no known kind.
    """
    channels = {*CHANNELS, *installed("channel")}
    schemes = {*SCHEMES, *installed("scheme")}
    datasets = {"synthetic", *installed("data set")}
    codecs = {*CODECS, *installed("codec")}
    for kind, names in zip(KINDS, (channels, schemes, datasets, codecs), strict=True):
        if name in names:
            return kind
    if name.startswith("veri:") or (name and Path(name).exists()):
        return "data"
    if name.partition("/")[0] in channels:  # one over another
        return "channel"
    if not is_import_string(name):
        raise ValueError(
            f"{name!r} is no channel, scheme, data set or codec: "
            + nearest(name, sorted(channels | schemes | datasets | codecs))
        )
    return _kind_of(name, load("part", name, name))


def _kind_of(name: str, part: object) -> str:
    if isinstance(part, Channel) or (isinstance(part, type) and issubclass(part, Channel)):
        return "channel"
    if isinstance(part, SourceCodec) or (isinstance(part, type) and issubclass(part, SourceCodec)):
        return "codec"
    if isinstance(part, type) and issubclass(part, Scheme):
        raise ValueError(
            f"{name!r} is the class of a scheme; --scheme takes a function of one's own that makes "
            "one, factory(networks, ...)"
        )
    if isinstance(part, VehicleImages):
        raise ValueError(f"{name!r} is a VehicleImages; --data takes a function of the split")
    first = next(iter(inspect.signature(part).parameters), "") if callable(part) else ""
    for parameter, kind in (("networks", "scheme"), ("stack", "scheme"), ("split", "data")):
        if first == parameter:
            return kind
    raise ValueError(
        f"cannot tell what {name!r} is (a {type(part).__name__}): a channel is a subclass of "
        "phy.channel.Channel, a codec one of simulator.source_codec.SourceCodec, the first "
        "parameter of a scheme's factory is called networks, that of a data set's function split; or "
        "say it with --kind channel, scheme, data or codec"
    )


def check(
    name: str,
    kind: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    data: str = "synthetic",
    weights: str | None = None,
) -> Report:
    """Checks what a name stands for.

    Args:
        name: Of the catalog, an entry point, "package.module:attribute", or of a data set.
        kind: One of `KINDS`; by default it is recognized.
        arguments: Of the channel or the scheme; the others take none.
        data: Images with which a scheme is checked.
        weights: Trained weights with which a scheme is checked.

    Raises:
        ValueError: One line, for what cannot be imported or made.
    """
    kind = recognize(name) if kind is None else kind
    if kind == "channel":
        return check_channel(name, arguments)
    if kind == "scheme":
        return check_scheme(name, arguments, data, weights=weights)
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}: {nearest(kind, KINDS)}")
    if arguments:
        what = "data set" if kind == "data" else kind
        raise ValueError(f"{what} {name!r} takes no argument {next(iter(arguments))!r}")
    return check_codec(name) if kind == "codec" else check_dataset(name)
