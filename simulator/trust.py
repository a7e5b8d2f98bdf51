"""Code that a file names: a spec or sweep file from elsewhere must not run it unasked.

A part "package.module:attribute" is imported and called. Names that the user types are trusted, and
so are names of the catalog and of installed packages. A file may come from anywhere, so that its
import strings need the user's word: --trust.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from semantic.plugins import is_import_string
from simulator.spec import RunSpec


def import_strings(
    schemes: Iterable[object],
    channel: object,
    channel_args: Mapping[str, Any],
    scheme_args: Mapping[str, Any],
    data: object,
    backbone: object = None,
) -> set[str]:
    """Returns the import strings among the parts of a run.

    Args:
        schemes: Names of schemes.
        channel: Name of the channel, with the wrapped ones behind slashes.
        channel_args: Arguments of the channel; each may name a channel.
        scheme_args: Arguments of the schemes; each may name a codec.
        data: Name of the data set.
        backbone: Name of the user's own network of the encoder.

    >>> sorted(import_strings(["perfect"], "simo/a:B", {}, {"codec": "c:D"}, "veri:photos"))
    ['a:B', 'c:D']
    """
    found = {*map(str, schemes), *_parts(channel)}
    for value in (*channel_args.values(), *scheme_args.values()):
        found |= set(_parts(value))
    if not str(data).startswith("veri:"):
        found.add(str(data))
    found.add(str(backbone))
    return {name for name in found if ":" in name and is_import_string(name.strip())}


def _parts(name: object) -> Iterator[str]:
    yield from str(name).split("/") if isinstance(name, str) else ()


def parts_of(spec: RunSpec) -> set[str]:
    """Returns the import strings of a spec."""
    return import_strings(
        spec.schemes,
        spec.channel,
        dict(spec.channel_args),
        dict(spec.scheme_args),
        spec.data,
        spec.backbone,
    )


def refuse_untrusted(spec: RunSpec, typed: set[str], file: Path) -> None:
    """Refuses a spec with import strings that only a file names.

    Args:
        spec: The spec, from a file and from what the user typed.
        typed: Import strings that the user typed.
        file: The file.

    Raises:
        ValueError: One line with the names and the way to allow them.
    """
    unknown = sorted(parts_of(spec) - typed)
    if unknown:
        raise ValueError(
            f"{file} names code outside the catalog, which would be executed: {', '.join(unknown)}; "
            "if you trust it, repeat the command with --trust, or name it on the command line"
        )
