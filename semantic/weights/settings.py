"""The settings that a weights file carries beside its tensors: their types and limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from semantic.link.buffer import BUFFERS
from semantic.link.protocol import Detector


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        allowed: What it must be, in words.
        holds: Whether a value is so.
    """

    allowed: str
    holds: Callable[[Any], bool]


def _whole(least: int, most: int) -> Setting:
    return Setting(f"a whole number from {least} to {most}", lambda v: _is_whole(v, least, most))


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_positive(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < value < 1e18 and math.isfinite(value)


def _one_of(*names: str | None) -> Setting:
    allowed = ", ".join("null" if name is None else name for name in names)
    return Setting(f"one of {allowed}", lambda v: (v is None or isinstance(v, str)) and v in names)


_TEXT = Setting("a text", lambda v: isinstance(v, str))
_OBJECT = Setting("a JSON object", lambda v: isinstance(v, dict))
#: The settings by name. A file may carry further ones, which are not read.
SETTINGS = {
    "identities": _whole(1, 10**7),
    "image_size": _whole(1, 16384),
    "backbone": _TEXT,
    "buffer": _one_of(*BUFFERS),
    "detector": _one_of(None, *get_args(Detector)),
    "shares_performers": Setting("true or false", lambda v: isinstance(v, bool)),
    "latent": _whole(1, 65536),
    "stage_bits": Setting(
        "1 to 64 whole numbers from 1 to 12",
        lambda v: isinstance(v, list) and 0 < len(v) <= 64 and all(_is_whole(n, 1, 12) for n in v),
    ),
    "bandwidth_hz": Setting("a positive number", _is_positive),
    **dict.fromkeys(("encoder_sha256", "images_sha256", "data_sha256"), _TEXT),
    **dict.fromkeys(("data", "channel", "scheme"), _TEXT),
    **dict.fromkeys(("recipe", "performers", "reading", "code", "scheme_args"), _OBJECT),
}


def settings_problem(config: Mapping[str, Any], needed: tuple[str, ...] = ()) -> str | None:
    """Returns what is wrong with the settings of a file; None if all are allowed.

    Args:
        config: The settings.
        needed: Names of those that must be there.

    >>> settings_problem({"identities": "20"})
    "its config has identities '20', it must be a whole number from 1 to 10000000"
    >>> settings_problem({"identities": 20, "note": "x"})
    >>> settings_problem({"buffer": "combine"}, ("buffer", "detector"))
    'its config has no detector'
    """
    for name, setting in SETTINGS.items():
        if name in config and not setting.holds(config[name]):
            return f"its config has {name} {config[name]!r:.60}, it must be {setting.allowed}"
    missing = [name for name in needed if name not in config]
    return f"its config has no {', '.join(missing)}" if missing else None
