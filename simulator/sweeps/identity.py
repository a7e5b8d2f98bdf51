"""The identity of a point: everything that its numbers depend on.

spec of the point + hash of the images + hashes of weights and files + code + libraries -> SHA-256

A point is recomputed when its identity changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from semantic.parts.files import file_hashes, short_names
from semantic.plugins import installed
from simulator.catalog import CHANNELS, CODECS, SCHEMES, Entry, SchemeEntry, find_target, resolve
from simulator.setup.prepare import Prepared
from simulator.spec import RunSpec
from simulator.sweeps.code_identity import package_code
from simulator.sweeps.imported_code import refuse_edited
from simulator.sweeps.late_reads import LATE_FILES
from simulator.sweeps.part_code import part_code

#: Libraries that compute numbers of a point.
LIBRARIES = ("torch", "sionna-no-rt", "numpy", "scipy", "numba", "pillow", "pillow-heif")
#: Fields of a spec that change no number, or that another entry of the identity stands for.
NOT_HASHED = {
    *("schemes", "snr_db", "seed", "seeds", "until", "max_seeds", "batch_size"),
    *("data", "images", "weights", "trainings", "device", "bandwidth_hz"),
}
#: The entry of an identity for what it cannot contain; absent where there is nothing.
NOT_RECORDED = "not_recorded"
#: The catalogs of the parts that a user can replace by a module of their own.
ENTRIES: dict[str, Mapping[str, Entry | SchemeEntry]] = {
    "scheme": SCHEMES,
    "channel": CHANNELS,
    "codec": CODECS,
    "backbone": {},
}


def common_identity(prepared: Prepared) -> dict[str, Any]:
    """Returns the part of the identity that all points of a run share."""
    spec = prepared.spec
    rest = {name: v for name, v in spec.to_json().items() if name not in NOT_HASHED}
    return {
        **rest,
        "bandwidth_hz": spec.bandwidth,
        "data": prepared.dataset.content_hash(),
        "device": prepared.device.split(":")[0],
        "libraries": {name: installed_version(name) for name in LIBRARIES},
        **_with_parts({"code": package_code()}, _own_parts(spec)),
    }


def point_identity(
    common: dict[str, Any],
    prepared: Prepared,
    scheme: str,
    snr_db: float,
    seed: int,
    files: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Returns everything that the per-image rows of one point depend on.

    Args:
        common: The part that all points share.
        prepared: The run.
        scheme: Name of the scheme.
        snr_db: SNR in dB.
        seed: Seed.
        files: Paths of the files of users' own parts; None for those that were found here. A part
            may open a file in one process and find it in its own memory in another.
    """
    hashed = _files(prepared.files.get(scheme, {}), files)
    return {
        **({"files": hashed} if hashed else {}),
        **_with_parts(common, [("scheme", scheme)]),
        "scheme": scheme,
        "snr_db": float(snr_db),
        "seed": seed,
        "weights": prepared.networks.hashes_of(scheme),
    }


def _files(known: Mapping[str, str], paths: Sequence[str] | None) -> dict[str, str]:
    """Returns the hashes of files by their short names."""
    hashes = {path: known.get(path) for path in (known if paths is None else paths)}
    hashes |= file_hashes(path for path, found in hashes.items() if found is None)
    return {name: str(hashes[path]) for path, name in short_names(hashes).items()}


def digest(identity: dict[str, Any]) -> str:
    """Returns 32 hexadecimal digits of SHA-256 of an identity.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    text = json.dumps(identity, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def plain(identity: dict[str, Any]) -> dict[str, Any]:
    """Returns an identity as it is read back from a file."""
    found: dict[str, Any] = json.loads(json.dumps(identity, default=repr))
    return found


def differences(old: dict[str, Any], new: dict[str, Any], within: str = "") -> list[str]:
    """Returns a text for each entry in which two identities differ.

    >>> differences({"seed": 0, "code": {"a.py": "1"}}, {"seed": 1, "code": {"a.py": "2"}})
    ['code a.py has changed', 'seed was 0, is 1']
    >>> differences({}, {"files": {"pca.pt": "1"}})
    ['file pca.pt has changed']
    """
    found: list[str] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if name == "files":
            found += differences(before or {}, after or {}, "file ")
            continue
        # With other places that are not recorded, there is other code as well.
        if before == after or name in (NOT_RECORDED, LATE_FILES):
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            found += differences(before, after, f"{within}{name} ")
        elif within.startswith(("code", "weights", "file ")) or name == "data":
            scope = "" if name.startswith("environment variable") else within
            found.append(f"{scope}{name} has changed")
        else:
            found.append(f"{within}{name} was {before}, is {after}")
    return found


def not_recorded(identity: Mapping[str, Any]) -> list[str]:
    """Returns one text for each dependency of users' code that an identity cannot contain."""
    return list(identity.get(NOT_RECORDED, ()))


def _with_parts(identity: dict[str, Any], parts: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Returns an identity with the code of users' own parts, each a kind and a name.

    Raises:
        ValueError: One line, if this process has imported other code than the files now hold.
    """
    found = [
        part_code(
            resolve(kind, name, ENTRIES[kind]),
            find_target(kind, name, ENTRIES[kind]).partition(":")[0],
        )
        for kind, name in parts
    ]
    for part in found:
        refuse_edited(part.files)
    code = {
        name: sha
        for hashes in (identity["code"], *(p.hashes for p in found))
        for name, sha in hashes.items()
    }
    computed = sorted({*not_recorded(identity), *(text for p in found for text in p.computed)})
    return {**identity, "code": code, **({NOT_RECORDED: computed} if computed else {})}


def own_code(spec: RunSpec) -> dict[str, str]:
    """Returns the hashes of a user's own channels, codec and encoder, see `part_code`."""
    return dict(_with_parts({"code": {}}, _own_parts(spec))["code"])


def _own_parts(spec: RunSpec) -> list[tuple[str, str]]:
    """Returns a user's own channels, wrapped ones included, their codec and their encoder."""
    over = str(dict(spec.channel_args).get("over", "")).split("/")
    codec = str(dict(spec.scheme_args).get("codec", ""))
    others = ("codec", codec), ("backbone", spec.backbone or "")
    return [
        (kind, name)
        for kind, name in (*(("channel", n) for n in (*spec.channel.split("/"), *over)), *others)
        # An argument called codec of a user's own scheme may have another meaning.
        if name not in {"", *ENTRIES[kind]} and (":" in name or name in installed(kind))
    ]


@cache
def installed_version(package: str) -> str | None:
    """Returns the version of a distribution; None if it is not installed.

    What is installed later counts from the next process on, which imports it.
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return None
