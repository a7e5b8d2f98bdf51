"""Checkpoints: model, optimizer and step in one safetensors file that is replaced atomically."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from semantic.weights.files import remove_unfinished, write_tensors


def _pack(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {
        f"optimizer.{index}.{key}": torch.as_tensor(value)
        for index, values in state.items()
        for key, value in values.items()
    }


def hash_of(*values: Tensor | np.ndarray) -> str:
    """Returns SHA-256 of the values of tensors and arrays: the data that a checkpoint belongs to.

    >>> hash_of(torch.zeros(2)) == hash_of(np.zeros(2, np.float32))
    True
    """
    digest = hashlib.sha256()
    for value in values:
        array = value.cpu().numpy() if isinstance(value, Tensor) else value
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, step: int, note: dict[str, Any]
) -> None:
    """Writes the state on which the next step depends.

    A process killed at any moment leaves the old file intact.

    Args:
        path: File to write.
        model: Model in training.
        optimizer: Its optimizer.
        step: Number of the next step.
        note: Settings that a run must share to resume from this checkpoint.
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= _pack(optimizer)
    write_tensors(path, tensors, {"step": str(step), "note": json.dumps(note, sort_keys=True)})


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, note: dict[str, Any]
) -> int:
    """Restores model and optimizer and returns the next step; 0 if there is no checkpoint.

    A training owns its checkpoint: what a killed one has left beside it is removed.

    Raises:
        ValueError: The checkpoint is damaged or belongs to a run with other settings.
    """
    remove_unfinished(path)
    if not path.exists():
        return 0
    try:
        with safe_open(path, framework="pt") as file:
            meta = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        saved, step = dict(json.loads(meta["note"])), int(meta["step"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not a valid checkpoint, delete it to start again: {error}"
        ) from None
    wanted = json.loads(json.dumps(note))
    if saved != wanted:
        differing = sorted(k for k in {*saved, *wanted} if saved.get(k) != wanted.get(k))
        raise ValueError(
            f"{path} was written by a run with other settings ({', '.join(differing)}): "
            "give another --out, or delete it"
        )
    try:
        _restore(model, optimizer, tensors)
    except (RuntimeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{path} is not of this network, delete it to start again: {reason}"
        ) from None
    return step


def _restore(
    model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]
) -> None:
    """Fills a model and its optimizer with the tensors of a checkpoint."""
    model.load_state_dict(
        {n.removeprefix("model."): v for n, v in tensors.items() if n.startswith("model.")}
    )
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )
