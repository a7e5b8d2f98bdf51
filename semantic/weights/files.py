"""Weights files in the safetensors format: written atomically, checked when read."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.hub import download_url_to_file

from semantic.encoder.densenet import torchvision_names
from semantic.weights.four_bits import BLOCK, fits, from_four_bits, to_four_bits
from semantic.weights.settings import settings_problem

#: Published ImageNet weights of torchvision's DenseNet-121.
IMAGENET_URL = "https://download.pytorch.org/models/densenet121-a639ec97.pth"

#: Suffixes of the names of a matrix stored in four bits: its numbers, and their scales.
PACKED, SCALE = ".packed", ".scales"


class WeightsError(ValueError):
    """A weights file is missing, damaged, or made for another network."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Writes a safetensors file under a temporary name, then renames it.

    Args:
        path: File to write.
        tensors: Tensors by name.
        metadata: Text that the file carries beside them.
    """
    # `save_file` writes under a random name of its own, which a killed process would leave behind.
    whole = save({n: t.detach().cpu().contiguous() for n, t in tensors.items()}, metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(whole)
        Path(temporary).chmod(0o644)  # mkstemp lets the owner alone read the file
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """Removes what killed processes have left of a file that only one process at a time writes."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.{'?' * 8}"):
        temporary.unlink(missing_ok=True)


def save_weights(
    path: Path,
    model: nn.Module,
    config: dict[str, Any],
    left_out: tuple[str, ...] = (),
    coarse: tuple[str, ...] = (),
) -> None:
    """Saves a model, its matrices in half precision, with the config that rebuilds it.

    Vectors and buffers keep their precision: they are small, and batch statistics and thresholds
    need it.

    Args:
        path: File to write.
        model: Model whose state is stored.
        config: Config that `read_weights` returns.
        left_out: Prefixes of the names that are not stored.
        coarse: Names of matrices that are stored in four bits per number.
    """
    matrices = _matrices(model)
    state = {
        name: value.half() if name in matrices else value
        for name, value in _state(model, left_out).items()
    }
    for name in coarse:
        if fits(value := state[name].float()):
            del state[name]
            state[name + PACKED], state[name + SCALE] = to_four_bits(value)
    write_tensors(path, state, {"config": json.dumps(config, sort_keys=True)})


def save_in_four_bits(
    path: Path, model: nn.Module, config: dict[str, Any], left_out: tuple[str, ...] = ()
) -> None:
    """Saves a model like `save_weights`, its matrices in four bits per number."""
    matrices, state = _matrices(model), {}
    for name, value in _state(model, left_out).items():
        if name in matrices and fits(value):
            state[name + PACKED], state[name + SCALE] = to_four_bits(value)
        else:
            state[name] = value
    write_tensors(path, state, {"config": json.dumps(config, sort_keys=True)})


@torch.no_grad()
def round_to_four_bits(model: nn.Module) -> None:
    """Rounds a model in place as `save_in_four_bits` stores it."""
    for value in model.parameters():
        if value.requires_grad and fits(value):
            value.copy_(from_four_bits(*to_four_bits(value)))


def _state(model: nn.Module, left_out: tuple[str, ...]) -> dict[str, Tensor]:
    state = model.state_dict().items()
    return {name: value for name, value in state if not name.startswith(left_out)}


def _matrices(model: nn.Module) -> set[str]:
    return {name for name, value in model.named_parameters() if value.ndim > 1}


def read_weights(
    path: Path, needed: tuple[str, ...] = ()
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads the state dict, in float32, and the config of a weights file.

    Args:
        path: The file.
        needed: Names of the settings that its config must have.

    Raises:
        WeightsError: The file is missing, truncated, or not a weights file of this program.
    """
    if not path.is_file():
        there = path.exists() or path.is_symlink()
        raise WeightsError(f"weights file {path} {'is no file' if there else 'does not exist'}")
    try:
        path.open("rb").close()  # safetensors says of a locked file that it does not exist
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: _copied(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise WeightsError(
            f"weights file {path} cannot be read: {error.strerror or error}"
        ) from None
    except (SafetensorError, ValueError, OverflowError, AttributeError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"weights file {path} is truncated or not a safetensors file: {reason}"
        ) from None
    config = _config(path, metadata)
    problem = settings_problem(config, needed)
    if problem is not None:
        raise WeightsError(f"weights file {path}: {problem}")
    for name in [name.removesuffix(PACKED) for name in state if name.endswith(PACKED)]:
        packed, scale = state.pop(name + PACKED), state.pop(name + SCALE, None)
        if packed.ndim != 2 or packed.dtype != torch.uint8:
            found = f"{packed.dtype} of shape {list(packed.shape)}"
            raise WeightsError(f"weights file {path} holds {name} in four bits as {found}")
        if scale is None or tuple(scale.shape) != (len(packed), 2 * packed.shape[1] // BLOCK):
            raise WeightsError(f"weights file {path} holds {name} in four bits without its scales")
        state[name] = from_four_bits(packed, scale)
    return state, config


def _copied(tensor: Tensor) -> Tensor:
    """Returns a tensor of a file in memory of its own: a view would keep the whole file mapped."""
    kind = torch.float32 if tensor.is_floating_point() else tensor.dtype
    return tensor.to(kind, copy=True)


def _config(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Returns the config of a file that `write_tensors` wrote.

    Raises:
        WeightsError: There is none, or it is not a JSON object.
    """
    if "config" not in metadata:
        raise WeightsError(
            f"weights file {path} carries no config: it was not written by `simulate train`"
        )
    try:
        config = json.loads(metadata["config"])
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise WeightsError(f"weights file {path} carries a config that is not a JSON object")
    return config


def load_into(model: nn.Module, state: Mapping[str, Tensor], origin: str) -> None:
    """Loads a state dict whose names and shapes must be those of the model.

    Args:
        model: Model to fill. A model on the meta device takes over the tensors as they are.
        state: Tensors by name.
        origin: Source of the tensors, for the message.

    Raises:
        WeightsError: Some tensors do not fit; the message names the first two.

    >>> load_into(nn.Linear(1, 2), {"weight": torch.zeros(2, 1)}, "x.safetensors")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    semantic.weights.files.WeightsError: x.safetensors does not fit this network: 1 tensors differ, ...
    """
    want = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    have = {name: tuple(value.shape) for name, value in state.items()}
    wrong = sorted(name for name in want.keys() | have.keys() if want.get(name) != have.get(name))
    if wrong:
        shown = ", ".join(f"{n} (file {have.get(n)}, network {want.get(n)})" for n in wrong[:2])
        raise WeightsError(
            f"{origin} does not fit this network: {len(wrong)} tensors differ, {shown}"
        )
    targets = model.state_dict()
    for name, value in state.items():
        if value.is_floating_point() != targets[name].is_floating_point() or value.is_complex():
            raise WeightsError(
                f"{origin} does not fit this network: {name} is of type {value.dtype}, it must be "
                f"{targets[name].dtype}"
            )
        if bool(value.isnan().any()):
            raise WeightsError(f"{origin} has NaN in {name}")
    unmade = any(value.is_meta for value in targets.values())
    cast = {name: value.to(targets[name].dtype) for name, value in state.items()}
    model.load_state_dict(cast, assign=unmade)


def file_hash(path: Path) -> str:
    """Returns the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_imagenet(model: nn.Module, source: str | Path = IMAGENET_URL) -> None:
    """Loads torchvision's DenseNet-121 file from its URL (cached by torch.hub) or a local copy.

    The name of the published file ends in the first eight digits of its SHA-256. The digits of any
    file so named are checked.

    Args:
        model: Network with torchvision's parameter names.
        source: URL or path of the file.

    Raises:
        WeightsError: The file cannot be read, or its hash or its tensors are wrong.
    """
    path = Path(source) if not str(source).startswith("http") else _downloaded(str(source))
    if not path.is_file():
        raise WeightsError(f"ImageNet weights {path} do not exist")
    prefix = _hash_prefix(path.name)
    if prefix and not file_hash(path).startswith(prefix):
        raise WeightsError(f"{path} is damaged: its SHA-256 does not begin with {prefix}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # whatever fails, the file is not a state dict
        state = None
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise WeightsError(f"{path} is not a PyTorch state dict")
    state = torchvision_names(state)
    for name, value in model.state_dict().items():
        if name.endswith("num_batches_tracked"):  # absent from files older than torch 0.4
            state.setdefault(name, value)
    load_into(model, state, str(path))


def _hash_prefix(name: str) -> str | None:
    found = re.search(r"-([0-9a-f]{8,64})\.", name)
    return found[1] if found else None


def _downloaded(url: str) -> Path:
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            download_url_to_file(url, str(path), hash_prefix=_hash_prefix(path.name))
        except (OSError, RuntimeError) as error:  # no network; a wrong hash
            raise WeightsError(f"{url} cannot be downloaded ({error}): give a local file") from None
    return path
