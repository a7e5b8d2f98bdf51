"""The networks as weights files hold them: where the files lie, what is loaded and saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from semantic.encoder.multitask import MultiTaskNetwork
from semantic.encoder.timm import DENSENET
from semantic.link.buffer import BUFFERS
from semantic.link.network import LinkNetwork
from semantic.plus.network import PlusNetwork
from semantic.plus.schedule import LATENT_FEATURES
from semantic.tasks import TaskPerformers
from semantic.weights.files import (
    WeightsError,
    file_hash,
    load_into,
    read_weights,
    save_in_four_bits,
)

#: The weights that come with the package, made by `simulate train --preset synthetic`.
PRETRAINED = Path(__file__).parents[1] / "pretrained"


@dataclass(frozen=True)
class EncoderBundle:
    """Networks of one weights directory, with what a result file records of them.

    Attributes:
        network: Encoder and clean performers.
        config: Image size, identities and how it was trained.
        hashes: SHA-256 of every file read, by name.
    """

    network: MultiTaskNetwork
    config: dict[str, Any]
    hashes: dict[str, str]


def weights_directory(weights: str | None) -> Path:
    """Where weights lie: the package's directory, the one given, or the one of the file given."""
    root = PRETRAINED if weights is None else Path(weights)
    return root.parent if root.is_file() else root


def weights_path(weights: str | None, name: str) -> Path:
    """Where `name`'s weights are: the package's, a directory's, or a file and its neighbors.

    Raises:
        WeightsError: When there is no such file; says which command makes it.
    """
    root = PRETRAINED if weights is None else Path(weights)
    if root.is_file():
        its_own = (root.stem == "encoder") == (name == "encoder")
        path = root if its_own else root.parent / f"{name}.safetensors"
    else:
        path = root / f"{name}.safetensors"
    if not path.exists():
        scheme = "" if name == "encoder" else f" --scheme {name}"
        raise WeightsError(
            f"no weights for {name!r}: {path} does not exist; "
            f"`simulate train{scheme} --data DIR --out {path.parent}` makes it"
        )
    return path


def load_encoder(weights: str | None = None, device: str = "cpu") -> EncoderBundle:
    """The multi-task network, ready for inference."""
    path = weights_path(weights, "encoder")
    state, config = read_weights(path)
    if "image_size" not in config or "identities" not in config:
        raise WeightsError(f"{path} holds no encoder (its config: {', '.join(sorted(config))})")
    network = MultiTaskNetwork(int(config["identities"]), config.get("backbone", DENSENET))
    load_into(network, state, str(path))
    network.requires_grad_(False).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return EncoderBundle(network, config, {path.name: file_hash(path)})


def load_link(
    scheme: str, clean: TaskPerformers, weights: str | None = None, device: str = "cpu"
) -> tuple[LinkNetwork, dict[str, str]]:
    """Everything behind the encoder for one scheme.

    Args:
        scheme: Its name.
        clean: The encoder's performers; links that share them carry none of their own.
        weights: As for `weights_path`.
        device: Torch device.

    Returns:
        The network, ready for inference, and the hashes of the files read.

    Raises:
        WeightsError: One line that names the file and what is wrong with it.
    """
    path = weights_path(weights, scheme)
    state, config = read_weights(path)
    if config.get("buffer") not in BUFFERS or "threshold" not in state:
        raise WeightsError(
            f"{path} holds no link network (its config: {', '.join(sorted(config))})"
        )
    network = LinkNetwork(
        clean.identities if config["shares_performers"] else int(config["identities"]),
        config["buffer"],
        config["detector"],
        clean if config["shares_performers"] else None,
        state["threshold"].shape[1],
    )
    if network.shares_performers:
        state |= {f"performers.{name}": value for name, value in clean.state_dict().items()}
    load_into(network, state, str(path))
    network.requires_grad_(False).eval().to(device)
    return network, {path.name: file_hash(path)}


def save_link(path: Path, network: LinkNetwork, config: dict[str, Any]) -> None:
    """Stores a link in four bits; performers that it shares with the encoder stay out of it."""
    own = {
        "identities": network.performers.identities,
        "buffer": network.buffer_name,
        "detector": network.detector,
        "shares_performers": network.shares_performers,
    }
    left_out = ("performers.",) if network.shares_performers else ()
    save_in_four_bits(path, network, own | config, left_out)


#: The scheme's name.
PLUS = "semharq-plus"


def load_plus(
    clean: TaskPerformers, weights: str | None = None, device: str = "cpu"
) -> tuple[PlusNetwork, dict[str, str]]:
    """The network, ready for inference, and the hashes of the files read.

    Args:
        clean: The encoder's performers; files that share them carry none of their own.
        weights: As for `weights_path`.
        device: Torch device.

    Raises:
        WeightsError: One line that names the file and what is wrong with it.
    """
    path = weights_path(weights, PLUS)
    state, config = read_weights(path)
    if config.get("latent") != LATENT_FEATURES:
        raise WeightsError(f"{path} holds no {PLUS} network of {LATENT_FEATURES} latent features")
    shared = bool(config["shares_performers"])
    identities = clean.identities if shared else int(config["identities"])
    network = PlusNetwork(identities, clean if shared else None)
    if shared:
        state |= {f"performers.{name}": value for name, value in clean.state_dict().items()}
    load_into(network, state, str(path))
    network.requires_grad_(False).eval().to(device)
    return network, {path.name: file_hash(path)}


def save_plus(path: Path, network: PlusNetwork, config: dict[str, Any]) -> None:
    """Stores it in four bits; performers that it shares with the encoder stay out of it."""
    own = {
        "identities": network.performers.identities,
        "latent": LATENT_FEATURES,
        "shares_performers": network.shares_performers,
    }
    left_out = ("performers.",) if network.shares_performers else ()
    save_in_four_bits(path, network, own | config, left_out)
