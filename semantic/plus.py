"""The networks of semharq-plus: s <-> 64 latent features of unit variance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semantic.belief import Belief
from semantic.jsc import JscDecoder, JscEncoder
from semantic.model import weights_path
from semantic.sending_plan import LATENT
from semantic.tasks import TaskOutputs, TaskPerformers
from semantic.weights import WeightsError, file_hash, load_into, read_weights, save_in_four_bits

#: The scheme's name.
PLUS = "semharq-plus"


class PlusNetwork(nn.Module):
    """Everything behind the encoder of semharq-plus.

    ```
    s -> JSC-Encoder, batch normalisation -> c -> (c - told) / deviation -> power -> channel
                                              ^
                                              +-- estimates fed back
    channel -> matched filter -> belief -> JSC-Decoder -> s_hat -> tasks
    ```

    Args:
        identities: Classes of the re-identification head.
        clean: The encoder's own performers, to be shared; None for performers of its own.

    Attributes:
        scale: [N], root mean square of each feature of s over the training set.
    """

    scale: Tensor

    def __init__(self, identities: int, clean: TaskPerformers | None = None) -> None:
        super().__init__()
        self.shares_performers = clean is not None
        self.jsc_encoder = JscEncoder(length=LATENT)
        self.unit_variance = nn.BatchNorm1d(LATENT, affine=False)
        self.jsc_decoder = JscDecoder(inputs=2 * LATENT)
        self.performers = TaskPerformers(identities) if clean is None else clean
        self.register_buffer("scale", torch.ones(1024))

    def encode(self, s: Tensor) -> Tensor:
        """c [batch, LATENT] of s [batch, N]."""
        c: Tensor = self.unit_variance(self.jsc_encoder(s / self.scale))
        return c

    def decode(self, belief: Belief) -> tuple[Tensor, TaskOutputs]:
        """(s_hat [batch, N] in units of `scale`, the tasks' outputs)."""
        s_hat = self.jsc_decoder(belief)
        return s_hat, self.performers(s_hat * self.scale)


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
    if config.get("latent") != LATENT:
        raise WeightsError(f"{path} holds no {PLUS} network of {LATENT} latent features")
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
        "latent": LATENT,
        "shares_performers": network.shares_performers,
    }
    left_out = ("performers.",) if network.shares_performers else ()
    save_in_four_bits(path, network, own | config, left_out)
