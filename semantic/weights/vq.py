"""The weights file of digital-vq: statistics of the training images, in float32."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from semantic.tasks import TaskPerformers
from semantic.vq.network import VqNetwork
from semantic.weights.files import (
    WeightsError,
    file_hash,
    load_into,
    read_weights,
    write_tensors,
)
from semantic.weights.stored import weights_path

#: Name of the scheme digital-vq.
VQ = "digital-vq"


def load_vq(
    performers: TaskPerformers, weights: str | None = None, device: str = "cpu"
) -> tuple[VqNetwork, dict[str, str]]:
    """Loads the network of digital-vq.

    Args:
        performers: The encoder's performers, which the file does not hold.
        weights: See `weights_path`.
        device: Torch device.

    Returns:
        The network, ready for inference, and the hashes of the files read.

    Raises:
        WeightsError: The file is missing, damaged, or not of this scheme.
    """
    path = weights_path(weights, VQ)
    state, config = read_weights(path)
    if "stage_bits" not in config or "projection" not in state:
        raise WeightsError(f"{path} holds no {VQ} quantizer")
    if state["projection"].ndim != 2:
        raise WeightsError(f"{path}: projection has the shape {list(state['projection'].shape)}")
    network = VqNetwork(performers, tuple(config["stage_bits"]), state["projection"].shape[1])
    state |= {f"performers.{name}": value for name, value in performers.state_dict().items()}
    load_into(network, state, str(path))
    return network.requires_grad_(False).eval().to(device), {path.name: file_hash(path)}


def save_vq(path: Path, network: VqNetwork, config: dict[str, Any]) -> None:
    """Saves the network of digital-vq without the encoder's performers.

    Args:
        path: File to write.
        network: Network to save.
        config: Settings of the training.
    """
    state = {n: v for n, v in network.state_dict().items() if not n.startswith("performers.")}
    about = {**config, "stage_bits": network.stage_bits}
    write_tensors(path, state, {"config": json.dumps(about, sort_keys=True)})
