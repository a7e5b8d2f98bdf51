"""The networks in weights files: where the files are, and how they are loaded and saved."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from semantic.encoder.multitask import MultiTaskNetwork
from semantic.encoder.own import is_own
from semantic.encoder.timm import DENSENET
from semantic.link.network import LinkNetwork
from semantic.link.reading import LinkReading
from semantic.plus.network import PlusNetwork
from semantic.plus.schedule import LATENT_FEATURES
from semantic.plus.variants import PLUS as PLUS  # part of this module's interface
from semantic.plus.variants import VARIANTS
from semantic.tasks import TaskPerformers
from semantic.weights.files import (
    WeightsError,
    file_hash,
    load_into,
    read_weights,
    save_in_four_bits,
)
from semantic.weights.precision import Bf16Encoder, Precision, round_products
from semantic.weights.settings import settings_problem

#: Directory of the embedded weights, made by `simulate train --preset synthetic`.
PRETRAINED = Path(__file__).parents[1] / "pretrained"

#: Where a network is made that a file then fills: random initial values would cost time for nothing.
UNFILLED = torch.device("meta")


@dataclass(frozen=True)
class EncoderBundle:
    """The encoder of a weights directory.

    Attributes:
        network: Encoder and task performers for clean images.
        config: Image size, number of identities and settings of the training.
        hashes: SHA-256 of each file read, by name; result files record them.
        precision: Precision of the products, "fp32" or "bf16".
        code: Hashes of the code of a user's own network; empty for the others. Its outputs depend
            on it as they depend on the weights.
    """

    network: MultiTaskNetwork
    config: dict[str, Any]
    hashes: dict[str, str]
    precision: Precision = "fp32"
    code: dict[str, str] = field(default_factory=dict)

    def in_precision(self, precision: Precision) -> EncoderBundle:
        """Returns the encoder in a precision; its network is rounded in place."""
        if precision == "bf16":
            self.network.encoder = Bf16Encoder(self.network.encoder)
            round_products(self.network.performers)
        return replace(self, precision=precision)


def weights_directory(weights: str | None) -> Path:
    """Returns the directory of the weights: the embedded one, or that of a directory or file.

    >>> weights_directory("runs/weights").name
    'weights'
    """
    root = PRETRAINED if weights is None else Path(weights)
    return root.parent if root.is_file() else root


def weights_path(weights: str | None, name: str) -> Path:
    """Returns the weights file of a network.

    Args:
        weights: Directory of weights, one file of it, or None for the embedded weights.
        name: "encoder", or the name of a scheme.

    Raises:
        WeightsError: The file does not exist; the message names the command that makes it.
    """
    root = PRETRAINED if weights is None else Path(weights)
    path = root / f"{name}.safetensors"
    if root.is_file():
        its_own = (root.stem == "encoder") == (name == "encoder")
        path = root if its_own else root.parent / path.name
    if not path.exists():
        scheme = "" if name == "encoder" else f" --scheme {name}"
        packed = scheme and (PRETRAINED / path.name).exists()
        instead = "; a run of its own without --weights takes the package's" if packed else ""
        raise WeightsError(
            f"no weights for {name!r}: {path} does not exist; "
            f"`simulate train{scheme} --data DIR --out {path.parent}` makes it{instead}"
        )
    return path


def trusted_backbone(path: Path, config: Mapping[str, Any], typed: str | None) -> str:
    """Returns the name of the backbone of weights.

    A file may come from anywhere. The code of a network that only the file names is not executed.

    Args:
        path: The weights file.
        config: What the file says about its network.
        typed: Import string of a network that the user has named; None for no such network.

    Raises:
        WeightsError: One line with the name and the way to allow it, if only the file names it.

    >>> trusted_backbone(Path("encoder.safetensors"), {}, None)
    'densenet121'
    """
    stored = str(config.get("backbone", DENSENET))
    if typed is None and is_own(stored):
        raise WeightsError(
            f"{path} names code outside the package, which would be executed: {stored}; "
            f"if you trust it, name it: --backbone {stored}"
        )
    return stored if typed is None else typed


def load_encoder(
    weights: str | None = None, device: str = "cpu", backbone: str | None = None
) -> EncoderBundle:
    """Loads the multi-task network, ready for inference.

    Args:
        weights: See `weights_path`.
        device: Torch device.
        backbone: Import string of the user's own network that the weights are of; None for a
            built-in one.

    Raises:
        WeightsError: The file is missing, damaged, or not an encoder, or has a network of the
            user's own that `backbone` does not name.
    """
    path = weights_path(weights, "encoder")
    state, config = read_weights(path)
    if "image_size" not in config or "identities" not in config:
        raise WeightsError(f"{path} holds no encoder (its config: {', '.join(sorted(config))})")
    name = trusted_backbone(path, config, backbone)
    try:
        # A user's own network may hold numbers that no file has, so that it is really made.
        with torch.device("cpu") if is_own(name) else UNFILLED:
            network = MultiTaskNetwork(config["identities"], name)
    except ValueError as error:
        raise WeightsError(f"weights file {path}: {error}") from None
    load_into(network, state, str(path))
    network.requires_grad_(False).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    # Unknown code is like no other code, so that no outputs of it are taken from the cache.
    code = {name: secrets.token_hex(8)} if is_own(name) else {}
    return EncoderBundle(network, config, {path.name: file_hash(path)}, code=code)


def load_link(
    scheme: str, clean: TaskPerformers, weights: str | None = None, device: str = "cpu"
) -> tuple[LinkNetwork, dict[str, str]]:
    """Loads all networks of one scheme behind the encoder.

    Args:
        scheme: Name of the scheme.
        clean: The encoder's performers. Files of links that share them hold none.
        weights: See `weights_path`.
        device: Torch device.

    Returns:
        The network, ready for inference, and the hashes of the files read.

    Raises:
        WeightsError: The file is missing, damaged, or not of this scheme.
    """
    path = weights_path(weights, scheme)
    state, config = read_weights(path)
    if "buffer" not in config or "threshold" not in state:
        raise WeightsError(f"{path} holds no link network (config: {', '.join(sorted(config))})")
    identities = _identities(path, config, clean, ("detector",))
    if state["threshold"].ndim != 2:
        raise WeightsError(
            f"{path}: threshold has the shape {list(state['threshold'].shape)}, it must be [ratios, points]"
        )
    with UNFILLED:
        network = LinkNetwork(
            identities,
            config["buffer"],
            config["detector"],
            clean if config["shares_performers"] else None,
            state["threshold"].shape[1],
            _stored_reading(path, config.get("reading", {})),
        )
    hashes = _fill(network, state, clean, path, device)
    positions = torch.arange(len(network.order), device=network.order.device)
    if not torch.equal(network.order.sort().values, positions):
        raise WeightsError(f"{path}: order does not have each position of f once")
    return network, hashes


def _identities(
    path: Path, config: dict[str, Any], clean: TaskPerformers, needed: tuple[str, ...] = ()
) -> int:
    """Returns the number of classes of a network that may share the encoder's performers.

    Raises:
        WeightsError: A setting is missing.
    """
    problem = settings_problem(config, ("shares_performers", *needed))
    if problem is None and not config["shares_performers"]:
        problem = settings_problem(config, ("identities",))
    if problem is not None:
        raise WeightsError(f"weights file {path}: {problem}")
    return clean.identities if config["shares_performers"] else int(config["identities"])


def _stored_reading(path: Path, stored: Any) -> LinkReading:
    if not isinstance(stored, dict) or not all(isinstance(v, str) for v in stored.values()):
        raise WeightsError(f"{path}: its config has no valid reading: {stored!r:.60}")
    try:
        return LinkReading.of(stored)
    except ValueError as error:
        raise WeightsError(f"{path}: {error}") from None


def save_link(path: Path, network: LinkNetwork, config: dict[str, Any]) -> None:
    """Saves a link network in four bits, without performers shared with the encoder.

    Args:
        path: File to write.
        network: Network to save.
        config: Settings of the training.
    """
    _save(path, network, {**network.settings, "detector": network.detector}, config)


def load_plus(
    clean: TaskPerformers, weights: str | None = None, device: str = "cpu", name: str = PLUS
) -> tuple[PlusNetwork, dict[str, str]]:
    """Loads the network of a scheme of the semharq-plus family.

    Args:
        clean: The encoder's performers. Files of networks that share them hold none.
        weights: See `weights_path`.
        device: Torch device.
        name: Name of the scheme.

    Returns:
        The network, ready for inference, and the hashes of the files read.

    Raises:
        WeightsError: The file is missing, damaged, or not of this scheme.
    """
    path = weights_path(weights, name)
    state, config = read_weights(path)
    if config.get("latent") != LATENT_FEATURES:
        raise WeightsError(f"{path} holds no {name} network of {LATENT_FEATURES} latent features")
    identities = _identities(path, config, clean)
    shared = clean if config["shares_performers"] else None
    with UNFILLED:
        network = PlusNetwork(identities, shared, VARIANTS[name].hybrid)
    return network, _fill(network, state, clean, path, device)


def save_plus(path: Path, network: PlusNetwork, config: dict[str, Any]) -> None:
    """Saves the network of semharq-plus in four bits, without performers shared with the encoder.

    Args:
        path: File to write.
        network: Network to save.
        config: Settings of the training.
    """
    _save(path, network, {"latent": LATENT_FEATURES}, config)


def _fill(
    network: LinkNetwork | PlusNetwork,
    state: dict[str, Tensor],
    clean: TaskPerformers,
    path: Path,
    device: str,
) -> dict[str, str]:
    """Makes a network ready for inference and returns the hashes of the files read."""
    if network.shares_performers:
        state |= {f"performers.{name}": value for name, value in clean.state_dict().items()}
    load_into(network, state, str(path))
    network.requires_grad_(False).eval().to(device)
    return {path.name: file_hash(path)}


def _save(
    path: Path, network: LinkNetwork | PlusNetwork, kind: dict[str, Any], config: dict[str, Any]
) -> None:
    """Saves a network in four bits with what is needed to make it again."""
    shared = network.shares_performers
    own = {"identities": network.performers.identities, **kind, "shares_performers": shared}
    save_in_four_bits(path, network, own | config, ("performers.",) if shared else ())
