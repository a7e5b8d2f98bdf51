"""What a checkpoint belongs to besides its recipe and data: the code, the channel and the slot of a training."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

from semantic.parts.files import Reading, named_hashes
from simulator.setup.channel import open_channel
from simulator.sweeps.code_identity import PACKAGES, code_hash
from simulator.sweeps.identity import own_code
from simulator.training.presets import Preset

#: Folders whose code a training executes.
TRAINING = ("phy/", "semantic/", "simulator/training/")


@cache
def training_code() -> str:
    """Returns 16 hexadecimal digits of SHA-256 of the code of trainings, without comments."""
    digest = hashlib.sha256()
    for root in PACKAGES:
        for path in sorted(root.rglob("*.py")):
            name = path.relative_to(root.parent).as_posix()
            if name.startswith(TRAINING):
                digest.update(f"{name} {code_hash(path.read_bytes())}\n".encode())
    return digest.hexdigest()[:16]


def link_note(preset: Preset) -> dict[str, Any]:
    """Returns what a checkpoint of a link must share with the training that takes it up."""
    spec, files = preset.channel_spec, dict[str, str]()
    if code := own_code(spec):
        with Reading().active() as read:
            open_channel(spec)
        files = named_hashes(read.paths)
    return {
        "program": training_code(),
        "reading": preset.reading.changed,
        "channel": spec.channel_label,
        "channel_code": code,
        **({"channel_files": files} if files else {}),
        "bandwidth_hz": preset.bandwidth_hz,
        "share_performers": preset.share_performers,
    }
