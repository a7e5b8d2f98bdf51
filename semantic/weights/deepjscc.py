"""The weights file of deepjscc, one for each number of latent channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semantic.deepjscc.network import DeepJsccNetwork
from semantic.weights.files import (
    WeightsError,
    file_hash,
    load_into,
    read_weights,
    save_weights,
)
from semantic.weights.stored import UNFILLED, weights_directory

#: Name of the scheme deepjscc.
DEEPJSCC = "deepjscc"


def deepjscc_file(channels: int) -> str:
    """Returns the name of the file for a number of latent channels.

    >>> deepjscc_file(10)
    'deepjscc-c10.safetensors'
    """
    return f"{DEEPJSCC}-c{channels}.safetensors"


def load_deepjscc(
    channels: int, weights: str | None = None, device: str = "cpu"
) -> tuple[DeepJsccNetwork, dict[str, str]]:
    """Loads the networks of deepjscc.

    Args:
        channels: Channels of the latent map.
        weights: Directory or encoder file; None for the package's weights.
        device: Torch device.

    Returns:
        The network, ready for inference, and the hashes of the files read.

    Raises:
        WeightsError: The file is missing, damaged, or of another network; names the command that
            makes it.
    """
    path = weights_directory(weights) / deepjscc_file(channels)
    if not path.exists():
        raise WeightsError(
            f"no weights of {DEEPJSCC} for channels={channels}: {path} does not exist; `simulate "
            f"train --scheme {DEEPJSCC} --scheme-arg channels={channels} --data DIR --out "
            f"{path.parent}` makes it"
        )
    state, _ = read_weights(path)
    with UNFILLED:
        network = DeepJsccNetwork(channels)
    load_into(network, state, str(path))
    return network.requires_grad_(False).eval().to(device), {path.name: file_hash(path)}


def save_deepjscc(path: Path, network: DeepJsccNetwork, config: dict[str, Any]) -> None:
    """Saves the networks of deepjscc, their kernels in half precision.

    Args:
        path: File to write.
        network: Network to save.
        config: Settings of the training.
    """
    save_weights(path, network, {**config, "channels": network.channels})
