"""What the numbers of a point depend on, as one value that is hashed and can be compared.

spec of the point + hash of the images + hashes of the weights + code + libraries -> SHA-256
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import phy
import semantic
import simulator
from semantic.plugins import installed
from simulator.catalog import CHANNELS, CODECS, SCHEMES, Entry, SchemeEntry, resolve
from simulator.setup.prepare import Prepared
from simulator.spec import RunSpec

#: Packages that compute.
LIBRARIES = ("torch", "sionna-no-rt", "numpy", "scipy", "numba", "pillow")
#: Fields of a spec that change no number, or that something else stands for (its hash, a point).
NOT_HASHED = {
    *("schemes", "snr_db", "seed", "seeds", "until", "max_seeds", "batch_size"),
    *("data", "images", "weights", "device", "bandwidth_hz"),
}
#: EncodedDataset that only show, store or train. A file that is not named here counts.
WITHOUT_INFLUENCE = (
    *("simulator/__init__.py", "simulator/api.py", "simulator/check", "simulator/cli.py"),
    *("simulator/commands/", "simulator/files.py", "simulator/papers/", "simulator/training/"),
    *(f"simulator/results/{name}.py" for name in ("compare", "curve", "figures", "intervals")),
    *(
        f"simulator/sweeps/{name}.py"
        for name in ("collect", "engines", "forkserver", "merge", "pools", "records", "seeds")
    ),
    *(
        f"simulator/sweeps/{name}.py"
        for name in ("status", "stop_rule", "store", "sweep", "sweepfile", "worker", "writable")
    ),
    *("semantic/training/", "semantic/data/synthetic"),
)


#: The catalog of each kind of part that a user's own module may stand in for.
ENTRIES: dict[str, Mapping[str, Entry | SchemeEntry]] = {
    "scheme": SCHEMES,
    "channel": CHANNELS,
    "codec": CODECS,
}


def common_identity(prepared: Prepared) -> dict[str, Any]:
    """The part that all points of a run share."""
    spec = prepared.spec
    rest = {name: v for name, v in spec.to_json().items() if name not in NOT_HASHED}
    return {
        **rest,
        "bandwidth_hz": spec.bandwidth,
        "data": prepared.dataset.content_hash(),
        "device": prepared.device.split(":")[0],
        "libraries": {name: _version(name) for name in LIBRARIES},
        "code": {**package_code(), **_code_of_parts(spec)},
    }


def point_identity(
    common: dict[str, Any], prepared: Prepared, scheme: str, snr_db: float, seed: int
) -> dict[str, Any]:
    """Everything that the per-image rows of one point depend on."""
    return {
        **common,
        "scheme": scheme,
        "snr_db": float(snr_db),
        "seed": seed,
        "weights": prepared.networks.hashes_of(scheme),
        "code": {**common["code"], **_foreign_code("scheme", scheme)},
    }


def digest(identity: dict[str, Any]) -> str:
    """32 hexadecimal digits of SHA-256.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    text = json.dumps(identity, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def plain(identity: dict[str, Any]) -> dict[str, Any]:
    """An identity as it comes back out of a file."""
    found: dict[str, Any] = json.loads(json.dumps(identity, default=repr))
    return found


def differences(old: dict[str, Any], new: dict[str, Any], within: str = "") -> list[str]:
    """What has changed from one identity to another, in words.

    >>> differences({"seed": 0, "code": {"a.py": "1"}}, {"seed": 1, "code": {"a.py": "2"}})
    ['code a.py has changed', 'seed was 0, is 1']
    """
    found: list[str] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            found += differences(before, after, f"{within}{name} ")
        elif within.startswith(("code", "weights")) or name == "data":
            found.append(f"{within}{name} has changed")
        else:
            found.append(f"{within}{name} was {before}, is {after}")
    return found


@cache
def package_code() -> dict[str, str]:
    """A short hash of every source file of the three packages that has a say in the numbers."""
    found = {}
    for package in (phy, semantic, simulator):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            name = path.relative_to(root.parent).as_posix()
            if not name.startswith(WITHOUT_INFLUENCE):
                found[name] = _short_hash(path)
    return found


def _code_of_parts(spec: RunSpec) -> dict[str, str]:
    """Hashes of what users bring beside schemes: channels, also one over another, and codecs."""
    over = str(dict(spec.channel_args).get("over", "")).split("/")
    codec = str(dict(spec.scheme_args).get("codec", ""))
    found = {}
    for kind, name in (*(("channel", n) for n in (spec.channel, *over)), ("codec", codec)):
        # A scheme of a user's own may call something else its codec.
        if name not in {"", *ENTRIES[kind]} and (":" in name or name in installed(kind)):
            found.update(_foreign_code(kind, name))
    return found


def _foreign_code(kind: str, name: str) -> dict[str, str]:
    """Hashes of a user's own module, and of those beside it when it is part of a package."""
    target = resolve(kind, name, ENTRIES[kind])
    target = getattr(target, "func", target)  # a partial function
    module = sys.modules.get(getattr(target, "__module__", ""))
    file, package = getattr(module, "__file__", None), getattr(module, "__package__", None)
    if module is None or file is None or module.__name__.split(".")[0] in _OURS:
        return {}
    paths = sorted(Path(file).parent.glob("*.py")) if package else [Path(file)]
    return {f"{package or module.__name__}/{path.name}": _short_hash(path) for path in paths}


_OURS = (phy.__name__, semantic.__name__, simulator.__name__)


def _short_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
